/** A mission: one declared run of an agent, with the passports that belong to it (api.md §7). Pure. */
import { denial, type Denial } from '@sallyport/contracts/errors.ts';
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import {
  missionAssigned,
  missionChildOpened,
  missionCompleted,
  missionExpired,
  missionOpened,
  missionPassportAdded,
  missionRevoked,
} from '@sallyport/contracts/facts/passports.ts';
import type { Mode } from '@sallyport/contracts/objects/agent.ts';
import type { Caps, Mission } from '@sallyport/contracts/objects/passport.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';

export interface MissionEnd {
  status: 'completed' | 'revoked' | 'expired';
  terminal_state: NonNullable<Mission['terminal_state']>;
  at_ms: number;
  seq: number;
  claim_id: string;
  revoked_count: number;
  output_sha256: string | null;
}

export interface MissionPassport {
  jti: string;
  /** The first jti of its refreshes. */
  line: string;
  session_id: string;
  agent_id: string;
  accountability: Mode;
}

export interface MissionState {
  exists: boolean;
  mission_id: string;
  operator_id: string;
  agent_id: string | null;
  implicit: boolean;
  parent_mission_id: string | null;
  ancestors: string[];
  intent_summary: string;
  intent_services: string[];
  opened_seq: number;
  opened_at_ms: number;
  expires_at_ms: number;
  claim_id: string;
  caps: Caps;
  cap_behavior: Record<string, unknown>;
  expected_counterparties: string[];
  baseline_profile: unknown;
  expected_output_shape: unknown;
  limits: Record<string, unknown>;
  stored: Record<string, unknown>;
  /** Missions that delegations opened below this one. */
  children: string[];
  passports: MissionPassport[];
  end: MissionEnd | null;
}

export const MISSION = { kind: 'mission', initial: initialMission, evolve: evolveMission };

function initialMission(): MissionState {
  return {
    exists: false,
    mission_id: '',
    operator_id: '',
    agent_id: null,
    implicit: false,
    parent_mission_id: null,
    ancestors: [],
    intent_summary: '',
    intent_services: [],
    opened_seq: 0,
    opened_at_ms: 0,
    expires_at_ms: 0,
    claim_id: '',
    caps: {},
    cap_behavior: {},
    expected_counterparties: [],
    baseline_profile: null,
    expected_output_shape: null,
    limits: {},
    stored: {},
    children: [],
    passports: [],
    end: null,
  };
}

export function evolveMission(state: MissionState, fact: Fact, at: Position): MissionState {
  const opened = dataOf(missionOpened, fact);
  if (opened) {
    return { ...state, ...opened, exists: true, operator_id: fact.operator_id, opened_seq: at.seq, claim_id: auditIdOf(fact.id) };
  }
  const assigned = dataOf(missionAssigned, fact);
  if (assigned) return { ...state, agent_id: assigned.agent_id };
  const added = dataOf(missionPassportAdded, fact);
  if (added) {
    const { jti, line, session_id, agent_id, accountability } = added;
    return { ...state, passports: [...state.passports, { jti, line, session_id, agent_id, accountability }] };
  }
  const child = dataOf(missionChildOpened, fact);
  if (child) return { ...state, children: [...state.children, child.mission_id] };
  // The first ending counts: a mission ends once.
  if (state.end) return state;
  const ending = { seq: at.seq, claim_id: auditIdOf(fact.id), output_sha256: null };
  const completed = dataOf(missionCompleted, fact);
  if (completed) {
    const { output_sha256 } = completed;
    return { ...state, end: { ...ending, status: 'completed', ...endFields(completed), output_sha256 } };
  }
  const revoked = dataOf(missionRevoked, fact);
  if (revoked) return { ...state, end: { ...ending, status: 'revoked', ...endFields(revoked) } };
  const expired = dataOf(missionExpired, fact);
  if (expired) return { ...state, end: { ...ending, status: 'expired', ...endFields({ ...expired, terminal_state: 'expired' }) } };
  return state;
}

function endFields(data: { terminal_state: MissionEnd['terminal_state']; ended_at_ms: number; revoked: string[]; cascaded?: string[] }): {
  terminal_state: MissionEnd['terminal_state'];
  at_ms: number;
  revoked_count: number;
} {
  return {
    terminal_state: data.terminal_state,
    at_ms: data.ended_at_ms,
    revoked_count: data.revoked.length + (data.cascaded?.length ?? 0),
  };
}

/** The state of a mission below others: theirs, where one of them is over. `above`: in any order. */
export function statusBelow(
  state: MissionState,
  above: readonly MissionState[],
  nowMs: number,
): 'open' | 'completed' | 'revoked' | 'expired' {
  const own = missionStatus(state, nowMs);
  return own === 'open' ? (above.map((one) => missionStatus(one, nowMs)).find((status) => status !== 'open') ?? 'open') : own;
}

/** Also `expired` from its end on, before the log says so. */
export function missionStatus(state: MissionState, nowMs: number): 'open' | 'completed' | 'revoked' | 'expired' {
  if (state.end) return state.end.status;
  return nowMs >= state.expires_at_ms ? 'expired' : 'open';
}

/** What a passport call for a mission that is not live is told; the published client reads the words (api.md §7.1). */
export function missionEnded(missionId: string, state: 'completed' | 'revoked' | 'expired' | 'not_found'): Denial {
  const id = missionId.slice(0, 64);
  const words = { completed: 'is completed', revoked: 'is revoked', expired: 'has expired', not_found: 'not found' }[state];
  const refusal = denial('MISSION_ENDED', `Mission ${id} ${words}.`, { mission_id: id, mission_state: state });
  return state === 'not_found' ? { ...refusal, status: 404 } : refusal;
}

/** May a passport be had from this mission now? Null: yes. */
export function notLive(mission: MissionState, above: readonly MissionState[], nowMs: number): Denial | null {
  const status = statusBelow(mission, above, nowMs);
  return status === 'open' ? null : missionEnded(mission.mission_id, status);
}

/** 404 with the same words, for calls that are not about a passport. */
export function missionNotFound(missionId: string): Denial {
  return denial('NOT_FOUND', `Mission ${missionId.slice(0, 64)} not found.`);
}
