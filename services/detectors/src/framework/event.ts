/** From facts to what detectors read (detectors.md §1.4). Pure. Facts are validated where they are written. */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { callDenied } from '@sallyport/contracts/facts/calls.ts';
import { checkpointRecorded, passportIssued, passportRefreshed } from '@sallyport/contracts/facts/passports.ts';
import { MODES, type Mode } from '@sallyport/contracts/objects/agent.ts';
import type { Static } from 'typebox';
import type { DetectorEvent, PassportFacts } from './detector.ts';

export type DenialData = Static<typeof callDenied.data>;
export type CheckpointData = Static<typeof checkpointRecorded.data>;

/** `mode` and `depth` come from the fact where it has them, else from the mission's passport; unknown counts as enforced, the strictest. */
export function eventOf(fact: Fact, pos: { seq: number; index: number }, passport: PassportFacts | null): DetectorEvent {
  const { id, type, at, operator_id, data } = fact;
  const depth = data['depth'];
  return {
    id,
    type: fact.v === 1 ? type : `${type}@${fact.v}`,
    at,
    pos,
    operator_id,
    agent_id: fact.agent_id ?? null,
    session_id: fact.session_id ?? null,
    mission_id: fact.mission_id ?? null,
    jti: fact.jti ?? null,
    mode: modeOf(data['mode']) ?? passport?.mode ?? 'enforced',
    depth: typeof depth === 'number' ? depth : (passport?.depth ?? 0),
    traceparent: fact.traceparent ?? null,
    data,
  };
}

function modeOf(value: unknown): Mode | null {
  return MODES.find((mode) => mode === value) ?? null;
}

export function issuedFacts(event: Pick<DetectorEvent, 'type' | 'data'>): PassportFacts | null {
  const issued = dataOf(passportIssued, factOf(event)) ?? dataOf(passportRefreshed, factOf(event));
  if (!issued) return null;
  const { jti, agent_id, mode, depth, summary, intent_services, granted, deadline_ms } = issued;
  return {
    jti,
    agent_id,
    mode,
    depth,
    summary,
    intent_services,
    granted_providers: [...new Set(granted.map(({ service }) => service))],
    deadline_ms,
  };
}

export function denialData(event: Pick<DetectorEvent, 'type' | 'data'>): DenialData | null {
  return dataOf(callDenied, factOf(event));
}

export function checkpointData(event: Pick<DetectorEvent, 'type' | 'data'>): CheckpointData | null {
  return dataOf(checkpointRecorded, factOf(event));
}

/** `dataOf` looks at type and version alone; an event's type has its version in it unless that is 1. */
function factOf({ type, data }: Pick<DetectorEvent, 'type' | 'data'>): Fact {
  return { id: '', v: 1, at: 0, operator_id: '', actor: { type: 'system', id: '' }, type, data };
}
