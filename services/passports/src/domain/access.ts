/**
 * Effective access of an agent to connections (api.md §5.3): explicit grants, and implicit access where the connection and `allowed_connections`
 * give it. Pure.
 */
import { type Approval, type ApprovalRule, type Constraint, DEFAULT_APPROVAL_RULE } from '@sallyport/contracts/objects/access.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { OperatorSettings } from '@sallyport/contracts/objects/operator.ts';
import { unionConstraints } from './constraints.ts';
import type { GrantState } from './grant.ts';
import { parseTime } from '@sallyport/contracts/time.ts';

export interface Access {
  connection: Connection;
  explicit: boolean;
  scopes: string[];
  /** Baseline of the connection and, added to it, the grant's. */
  constraints: Constraint[];
  /** The grant's own, without the baseline: what the limit of 32 counts. */
  own_constraints: Constraint[];
  any_of: Constraint[][][];
  /** `["*"]`: from anywhere. */
  allow_data_from: string[];
  approval: Approval;
  approval_rule: ApprovalRule;
  expires_at_ms: number | null;
}

export function defaultRule(settings: OperatorSettings): ApprovalRule {
  const { pending_ttl_seconds, approved_ttl_seconds } = settings;
  return { ...DEFAULT_APPROVAL_RULE, pending_ttl_seconds, approved_ttl_seconds };
}

/** Access to one connection as it is now, or null: never given, switched off, or expired. */
export function accessTo(
  connection: Connection,
  agent: Agent,
  grants: GrantState,
  settings: OperatorSettings,
  nowMs: number,
): Access | null {
  const held = grants.grants[connection.id];
  const expires_at_ms = held?.grant.expires_at ? parseTime(held.grant.expires_at) : null;
  // An expired grant gives nothing, and it does not give way to implicit access: that would widen by itself.
  if (held) {
    if (expires_at_ms !== null && nowMs >= expires_at_ms) return null;
    const { scopes, allow_data_from, approval, approval_rule } = held.grant;
    const any_of = held.any_of.length > 0 ? [held.any_of] : [];
    const constraints = unionConstraints(connection.baseline_constraints, held.constraints);
    return {
      connection,
      explicit: true,
      scopes,
      constraints,
      own_constraints: held.constraints,
      any_of,
      allow_data_from,
      approval,
      approval_rule,
      expires_at_ms,
    };
  }
  const allowed = agent.allowed_connections === null || agent.allowed_connections.includes(connection.id);
  if (connection.default_access !== 'all_agents' || !allowed) return null;
  return {
    connection,
    explicit: false,
    scopes: connection.scopes,
    constraints: connection.baseline_constraints,
    own_constraints: [],
    any_of: [],
    allow_data_from: ['*'],
    approval: connection.default_approval,
    approval_rule: defaultRule(settings),
    expires_at_ms: null,
  };
}
