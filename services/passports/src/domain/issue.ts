/**
 * Issuing a passport (api.md §6): what is refused and why, how long it lives, what it holds. Pure: ids, time and key come from the caller.
 */
import { denial, type Denial, invalid } from '@sallyport/contracts/errors.ts';
import { type Agent, MODES, type Mode } from '@sallyport/contracts/objects/agent.ts';
import type { IssueFields, TokenService } from '@sallyport/contracts/objects/passport.ts';
import { anchorsOf } from '@sallyport/features/anchors.ts';
import { boundResources, narrowResources } from '@sallyport/features/bound-resources.ts';
import type { Access } from './access.ts';
import { cutServices } from './cut.ts';
import { type MissionState, notLive } from './mission.ts';
import { narrow } from './narrowing.ts';
import type { Issued } from './passport.ts';
import { readWanted, type Wanted } from './wanted.ts';

/** What the mission of the new passport gives: an open one, or one that is opened with it. */
export type MissionTerms = Pick<MissionState, 'mission_id' | 'intent_summary' | 'intent_services' | 'expires_at_ms'> &
  Partial<Pick<MissionState, 'caps' | 'limits'>>;

export interface IssueInput {
  agent: Agent;
  access: Access[];
  mission: MissionTerms;
  fields: IssueFields;
  now_ms: number;
  jti: string;
  session_id: string;
  kid: string;
  issuer: string;
  issued_by: { type: string; id: string };
  /** Services of an earlier passport, to be had again as far as access allows. */
  again?: TokenService[] | null;
}

export type IssueOutcome = { ok: true; issued: Issued } | { ok: false; denial: Denial };

export function decideIssue(input: IssueInput): IssueOutcome {
  const { agent, mission, now_ms } = input;
  const read = readWanted(input.fields);
  if (!read.ok) return read;
  const { wanted } = read;
  const mode = wanted.mode ?? agent.accountability_mode;
  if (rank(mode) < rank(agent.accountability_mode)) return refuse(invalid([{ path: 'accountability_mode', rule: 'below_agent' }]));
  const summary = wanted.summary || mission.intent_summary;
  if (mode !== 'standard' && summary === '') {
    return refuse(missingIntent(mode));
  }
  const services = wanted.intent_services ?? mission.intent_services;
  const beyond = mission.intent_services.length > 0 ? services.filter((slug) => !mission.intent_services.includes(slug)) : [];
  if (beyond.length > 0) return refuse(denial('SCOPE_ESCALATION', `The mission does not name ${beyond.join(', ').slice(0, 200)}.`));

  const bound = agent.bind_resources === 'auto' ? anchorsOf(summary) : null;
  const narrowed = input.again
    ? hadAgain(cutServices(input.again, input.access), (provider) => (bound ? boundResources(provider, bound) : []))
    : narrow(wanted, {
        access: input.access,
        declared: [...services, ...mission.intent_services],
        resources: (provider) => (bound ? boundResources(provider, bound) : []),
      });
  if (!narrowed.ok) return narrowed;
  const expires_at_ms = Math.min(now_ms + lifeSeconds(wanted, mode) * 1000, mission.expires_at_ms);
  return {
    ok: true,
    issued: {
      jti: input.jti,
      line: input.jti,
      agent_id: agent.id,
      agent_name: agent.name,
      session_id: input.session_id,
      mission_id: mission.mission_id,
      mode,
      cnf_jkt: agent.key_thumbprint,
      services: narrowed.services,
      intent_summary: summary,
      intent_services: services,
      parents: [],
      depth: 0,
      issued_at_ms: now_ms,
      ttl_seconds: wanted.ttl_seconds,
      checkpoint_interval: wanted.checkpoint_interval,
      expires_at_ms,
      deadline_ms: mission.expires_at_ms,
      kid: input.kid,
      issuer: input.issuer,
      summary,
      granted: grantedOf(narrowed.services),
      will_delegate: wanted.will_delegate,
      estimated_duration_seconds: wanted.estimated_duration_seconds,
      parent_passport_id: null,
      limits: limitsOf(mission),
      detector_set: null,
      issued_by: input.issued_by,
    },
  };
}

/** A new summary only narrows what an earlier passport was bound to. */
function hadAgain(cut: ReturnType<typeof cutServices>, own: (provider: string) => readonly string[]): ReturnType<typeof cutServices> {
  if (!cut.ok) return cut;
  const services = cut.services.map((one) => ({ ...one, resources: [...narrowResources(one.resources, own(one.service_name))] }));
  return { ok: true, services };
}

export function missingIntent(mode: Mode): Denial {
  return denial('ACCOUNTABILITY_REQUIRED', `A passport of a${mode === 'enforced' ? 'n enforced' : ' logged'} agent needs an intent.`);
}

/** As detectors read it. */
export function grantedOf(services: Issued['services']): Issued['granted'] {
  return services.map(({ service_name, connection_id, constraints, resources }) => ({
    service: service_name,
    connection_id,
    constraints: constraints ?? [],
    resources,
  }));
}

/** `max_actions` is the mission's cap where its limits name none (detectors.md 1.4). */
function limitsOf({ caps, limits }: MissionTerms): Record<string, unknown> {
  return { ...(caps?.max_actions !== undefined && { max_actions: caps.max_actions }), ...limits };
}

/** May a passport be issued for this mission and agent? `above`: the missions that it stands below. */
export function missionRefusal(mission: MissionState, above: readonly MissionState[], agentId: string, nowMs: number): Denial | null {
  const ended = notLive(mission, above, nowMs);
  if (ended) return ended;
  if (mission.agent_id !== null && mission.agent_id !== agentId) {
    return denial('FORBIDDEN', 'The mission is assigned to another agent.', { reason: 'mission_agent' });
  }
  return null;
}

export function suspendedDenial(): Denial {
  return denial('FORBIDDEN', 'The agent is suspended.', { reason: 'agent_suspended' });
}

/** Life of a passport from issue, in seconds: an enforced one lives from checkpoint to checkpoint. */
export function lifeSeconds(wanted: Wanted, mode: Mode): number {
  return mode === 'enforced' ? Math.min(wanted.ttl_seconds, wanted.checkpoint_interval) : wanted.ttl_seconds;
}

/** standard < logged < enforced. */
export function rank(mode: Mode): number {
  return MODES.indexOf(mode);
}

function refuse(refusal: Denial): IssueOutcome {
  return { ok: false, denial: refusal };
}
