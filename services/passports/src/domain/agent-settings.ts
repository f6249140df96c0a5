/** Making and changing agents (api.md §5.1): presets, defaults, and which changes loosen a protection (§3.2). Pure. */
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import type { OperatorSettings } from '@sallyport/contracts/objects/operator.ts';
import type { registerAgent, updateAgent } from '@sallyport/contracts/operations/agents.ts';
import type { BodyOf } from '@sallyport/contracts/operation.ts';
import { rank } from './issue.ts';
import { CREDENTIAL_ACCESS } from './operator-settings.ts';
import { iso } from '@sallyport/contracts/time.ts';

export type Registration = BodyOf<typeof registerAgent>;
export type AgentPatch = BodyOf<typeof updateAgent>;

export interface NewAgent {
  id: string;
  operator_id: string;
  now_ms: number;
  created_by: { type: string; id: string };
}

const LLM_BOT = { credential_access: 'proxy_only', accountability_mode: 'logged', key_mode: 'stack_managed' } as const;

export function newAgent(body: Registration, settings: OperatorSettings, made: NewAgent): Agent {
  const preset = body.profile === 'proxied-llm-bot' ? LLM_BOT : null;
  const mode = body.accountability_mode ?? preset?.accountability_mode ?? 'enforced';
  const now = iso(made.now_ms);
  return {
    id: made.id,
    operator_id: made.operator_id,
    name: body.name,
    description: body.description ?? '',
    status: 'active',
    accountability_mode: mode,
    on_warning: body.on_warning ?? 'notify',
    on_critical: body.on_critical ?? 'notify',
    credential_access: body.credential_access ?? preset?.credential_access ?? settings.default_credential_access,
    key_mode: body.key_mode ?? preset?.key_mode ?? 'stack_managed',
    passport_blocked: false,
    passport_blocked_reason: null,
    passport_blocked_at: null,
    llm_inject_system_prompt: body.llm_inject_system_prompt ?? true,
    llm_redact_pii: body.llm_redact_pii ?? true,
    icon_url: body.icon_url ?? null,
    public_key: null,
    key_thumbprint: null,
    enrolled_at: null,
    allowed_connections: body.allowed_connections ? [...new Set(body.allowed_connections)] : null,
    bind_resources: body.bind_resources ?? (mode === 'enforced' ? 'auto' : 'off'),
    max_mission_seconds: body.max_mission_seconds ?? settings.max_mission_seconds,
    created_by: made.created_by,
    created_at: now,
    updated_at: now,
  };
}

const NULLABLE: readonly (keyof AgentPatch)[] = ['icon_url', 'allowed_connections'];

/** Only what differs; null clears what may be null and changes nothing else. */
export function changesOf(agent: Agent, patch: AgentPatch): Partial<Agent> {
  const changes: Partial<Agent> = {};
  const take = <K extends keyof AgentPatch & keyof Agent>(name: K, value: Agent[K] | null | undefined): void => {
    if (value === undefined || (value === null && !NULLABLE.includes(name))) return;
    // Null only where the agent's own type has it (NULLABLE).
    if (JSON.stringify(agent[name]) !== JSON.stringify(value)) changes[name] = value as Agent[K];
  };
  take('name', patch.name);
  take('description', patch.description);
  take('status', patch.status);
  take('accountability_mode', patch.accountability_mode);
  take('on_warning', patch.on_warning);
  take('on_critical', patch.on_critical);
  take('credential_access', patch.credential_access);
  take('bind_resources', patch.bind_resources);
  take('llm_inject_system_prompt', patch.llm_inject_system_prompt);
  take('llm_redact_pii', patch.llm_redact_pii);
  take('icon_url', patch.icon_url);
  take('allowed_connections', patch.allowed_connections && [...new Set(patch.allowed_connections)]);
  take('max_mission_seconds', patch.max_mission_seconds);
  return changes;
}

/** Names of the fields whose change loosens a protection (api.md §3.2). */
export function loosenedFields(agent: Agent, changes: Partial<Agent>): string[] {
  const loosens: string[] = [];
  const { accountability_mode, bind_resources, credential_access, allowed_connections } = changes;
  if (accountability_mode && rank(accountability_mode) < rank(agent.accountability_mode)) loosens.push('accountability_mode');
  if (bind_resources === 'off' && agent.bind_resources === 'auto') loosens.push('bind_resources');
  if (credential_access && CREDENTIAL_ACCESS.indexOf(credential_access) > CREDENTIAL_ACCESS.indexOf(agent.credential_access)) {
    loosens.push('credential_access');
  }
  if (allowed_connections !== undefined && widens(agent.allowed_connections, allowed_connections)) loosens.push('allowed_connections');
  return loosens;
}

/** Null is all connections, also those of tomorrow. */
function widens(before: string[] | null, after: string[] | null): boolean {
  if (before === null) return false;
  return after === null || after.some((id) => !before.includes(id));
}
