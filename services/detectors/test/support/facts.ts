/** Facts as gateways and `passports` write them, for the detectors to read. */
import type { Fact } from '@sallyport/contracts/fact.ts';
import type { DenialData } from '../../src/framework/event.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Mode } from '@sallyport/contracts/objects/agent.ts';

export interface Run {
  operator_id: string;
  agent_id: string;
  session_id: string;
  mission_id: string;
  jti: string;
  mode: Mode;
}

export function newRun(operatorId: string, mode: Mode = 'enforced'): Run {
  const now = Date.now();
  return {
    operator_id: operatorId,
    agent_id: newId('agent', now),
    session_id: newId('session', now),
    mission_id: newId('mission', now),
    jti: newId('passport', now),
    mode,
  };
}

function factOf(
  { operator_id, agent_id, session_id, mission_id, jti }: Run,
  type: string,
  data: Record<string, unknown>,
  at: number,
): Fact {
  const actor = { type: 'agent', id: agent_id } as const;
  return { id: newId('event', at), type, v: 1, at, operator_id, agent_id, session_id, mission_id, jti, actor, data };
}

export function issued(run: Run, at: number = Date.now()): Fact {
  const data = {
    jti: run.jti,
    agent_id: run.agent_id,
    mode: run.mode,
    depth: 0,
    summary: 'Triage open issues in acme/sandbox',
    intent_services: ['github'],
    granted: [{ service: 'github', connection_id: 'scon_a', constraints: [], resources: [] }],
    deadline_ms: at + 900_000,
  };
  return factOf(run, 'passport.issued', data, at);
}

export function denied(run: Run, more: Partial<DenialData>, at: number = Date.now()): Fact {
  const data: Partial<DenialData> = {
    call_id: newId('request', at),
    service: 'github',
    connection_id: null,
    method: 'GET',
    host: 'api.github.com',
    resource: null,
    mode: run.mode,
    depth: 0,
    code: 'FORBIDDEN',
    reason: null,
    failed: null,
    intent_services: ['github'],
    granted_providers: ['github'],
    ...more,
  };
  return factOf(run, 'call.denied', data, at);
}

export function checkpoint(run: Run, servicesUsed: string[], at: number = Date.now()): Fact {
  return factOf(run, 'checkpoint.recorded', { services_used: servicesUsed, outside: [] }, at);
}

/** A mission's own facts know of no session. */
export function missionEnded(run: Run, at: number): Fact {
  const { mission_id, operator_id } = run;
  return {
    id: newId('event', at),
    type: 'mission.completed',
    v: 1,
    at,
    operator_id,
    mission_id,
    actor: { type: 'system', id: 'passports' },
    data: {},
  };
}
