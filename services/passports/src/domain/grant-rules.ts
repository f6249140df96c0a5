/** Writing grants (api.md §5.3): defaults, checks, and which changes loosen what is in force (§3.2). Pure. */
import { type Denial, invalid } from '@sallyport/contracts/errors.ts';
import type { Approval, ApprovalRule, Grant, GrantInput } from '@sallyport/contracts/objects/access.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { OperatorSettings } from '@sallyport/contracts/objects/operator.ts';
import { checkConstraints } from '@sallyport/policy/constraint.ts';
import { defaultRule } from './access.ts';
import { expandRules, ruleText } from './constraints.ts';
import type { HeldGrant } from './grant.ts';
import { iso, parseTime } from '@sallyport/contracts/time.ts';

export interface GrantTerms {
  agent_id: string;
  connection: Connection;
  settings: OperatorSettings;
  before: HeldGrant | null;
  now_ms: number;
  /** People who could decide under a rule; a quorum above it could never be reached. */
  deciders: (roles: readonly string[]) => number;
}

export type Written = { ok: true; held: HeldGrant } | { ok: false; denial: Denial };

/** The whole grant anew: what the request leaves out gets its default, not its old value. */
export function writeGrant(input: GrantInput, terms: GrantTerms): Written {
  const { connection, settings, before, now_ms } = terms;
  const scopes = input.scopes ?? connection.scopes;
  const refusal = scopesRefusal(scopes, connection);
  if (refusal) return { ok: false, denial: refusal };
  const expanded = expandRules(input, connection.provider, '');
  if (!expanded.ok) return expanded;
  const approval = input.approval ?? connection.default_approval;
  const approval_rule = ruleOf(input.approval_rule, defaultRule(settings));
  const problem = approvalProblem(approval) ?? (approval_rule.quorum > terms.deciders(approval_rule.approver_roles) ? quorum : null);
  if (problem) return { ok: false, denial: invalid([problem]) };
  const expires = input.expires_at ? parseTime(input.expires_at) : null;
  if (input.expires_at && (expires === null || expires <= now_ms))
    return { ok: false, denial: invalid([{ path: 'expires_at', rule: 'future' }]) };
  const grant: Grant = {
    agent_id: terms.agent_id,
    connection_id: connection.id,
    service: connection.provider,
    scopes: [...new Set(scopes)],
    constraints: input.constraints ?? [],
    intents: input.intents ?? [],
    any_of: input.any_of ?? [],
    any_intents: input.any_intents ?? [],
    allow_data_from: input.allow_data_from ?? ['*'],
    approval,
    approval_rule,
    expires_at: expires === null ? null : iso(expires),
    version: (before?.grant.version ?? 0) + 1,
    created_at: before?.grant.created_at ?? iso(now_ms),
    updated_at: iso(now_ms),
  };
  return { ok: true, held: { grant, ...expanded.value } };
}

/** `services.grant`: a new grant with all defaults, or other scopes for an old one, whose rules stay. */
export function writeScopes(scopes: string[], terms: GrantTerms): Written {
  const refusal = scopesRefusal(scopes, terms.connection);
  if (refusal) return { ok: false, denial: refusal };
  const { before } = terms;
  if (!before) return writeGrant({ scopes }, terms);
  const grant = { ...before.grant, scopes: [...new Set(scopes)], version: before.grant.version + 1, updated_at: iso(terms.now_ms) };
  return { ok: true, held: { ...before, grant } };
}

export function scopesRefusal(scopes: string[], connection: Connection): Denial | null {
  const index = scopes.findIndex((scope) => !connection.scopes.includes(scope));
  return index < 0 ? null : invalid([{ path: `scopes.${index}`, rule: 'not_on_connection' }]);
}

const quorum = { path: 'approval_rule.quorum', rule: 'unreachable' };

/** Absent members are defaults; null means absent. */
function ruleOf(given: GrantInput['approval_rule'], base: ApprovalRule): ApprovalRule {
  const sent = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined && value !== null));
  return { ...base, ...sent };
}

function approvalProblem(approval: Approval): { path: string; rule: string } | null {
  if (!Array.isArray(approval)) return null;
  for (const [index, set] of approval.entries()) {
    const problem = checkConstraints(set)[0];
    if (problem) return { path: `approval.${index}${problem.path === '' ? '' : '.'}${problem.path}`, rule: problem.rule };
  }
  return null;
}

/** What is in force: the old grant, or what implicit access starts from. */
export function inForce(before: HeldGrant | null, connection: Connection, settings: OperatorSettings): Force {
  if (before) return { ...before, approval: before.grant.approval, approval_rule: before.grant.approval_rule };
  return { constraints: [], any_of: [], approval: connection.default_approval, approval_rule: defaultRule(settings) };
}

export interface Force extends Pick<HeldGrant, 'constraints' | 'any_of'> {
  approval: Approval;
  approval_rule: ApprovalRule;
}

export function loosenedRules(before: Force, after: HeldGrant): string[] {
  const loosens: string[] = [];
  if (weakerApproval(before.approval, after.grant.approval)) loosens.push('approval');
  if (weakerRule(before.approval_rule, after.grant.approval_rule)) loosens.push('approval_rule');
  const kept = new Set(after.constraints.map(ruleText));
  if (before.constraints.some((rule) => !kept.has(ruleText(rule)))) loosens.push('constraints');
  const sets = new Set(before.any_of.map(ruleText));
  if (before.any_of.length > 0 && (after.any_of.length === 0 || after.any_of.some((set) => !sets.has(ruleText(set)))))
    loosens.push('any_of');
  return loosens;
}

/** Weaker is every change but those to `always`, those from `never`, and those from a list of sets to one that keeps them all. */
export function weakerApproval(before: Approval, after: Approval): boolean {
  if (ruleText(before) === ruleText(after) || after === 'always' || before === 'never') return false;
  if (Array.isArray(before) && Array.isArray(after)) {
    const kept = new Set(after.map(ruleText));
    return before.some((set) => !kept.has(ruleText(set)));
  }
  return true;
}

function weakerRule(before: ApprovalRule, after: ApprovalRule): boolean {
  return (
    after.quorum < before.quorum ||
    after.approver_roles.some((role) => !before.approver_roles.includes(role)) ||
    (before.four_eyes && !after.four_eyes) ||
    after.approved_ttl_seconds > before.approved_ttl_seconds
  );
}
