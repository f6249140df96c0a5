/**
 * Deadlines that fell due. Each looks at the facts first: too early arms again, too late or twice does nothing. The fact only records what gateways do by the clock
 * already, so no fence goes with it.
 */
import { errorFields } from '@sallyport/bus/log.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { missionExpired, passportLapsed } from '@sallyport/contracts/facts/passports.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { Deps } from '../deps.ts';
import { isRecord } from '../field-idempotency.ts';
import { endsWithParent, lapseOf } from '../domain/lapse.ts';
import { MISSION } from '../domain/mission.ts';
import { PASSPORT } from '../domain/passport.ts';
import { readFamily, readMission, readPassport } from '../reading.ts';

const actor = { type: 'system', id: 'timers' } as const;

/** Sequence-safe: rearms through the returned value, because a decision must stay free of effects. */
type Outcome = { rearm_ms: number } | { lapsed: { reason: string; late_ms: number } } | null;

export async function passportDue(deps: Deps, jti: string, payload: unknown): Promise<void> {
  const operator_id = operatorOf(payload);
  if (operator_id === null) return;
  const decided = await deps.ledger.decide<Outcome>({ operator_id, actor }, async (read) => {
    const passport = await readPassport(read.get, operator_id, jti);
    if (!passport) return { write: [], value: null };
    const { self, parents } = await readFamily(read.get, operator_id, passport);
    const { revoked } = self.head;
    const due = lapseOf({ ...passport, revoked }, read.now);
    if (due.at === 'later') return { write: [], value: { rearm_ms: due.due_ms } };
    const above = parents.map((parent) => parent.passport);
    if (due.at === 'never' || endsWithParent(passport, above)) return { write: [], value: null };
    const { agent_id, session_id, mission_id } = passport.issued;
    const { reason, late_ms } = due;
    const lapses = reason === 'no_checkpoint' ? 1 + (await lapsesOf(deps, agent_id, read.now)) : null;
    const { expires_at_ms, last_checkpoint_at_ms } = passport;
    const data = { reason, expires_at_ms, last_checkpoint_at_ms, late_ms, ...(lapses !== null && { lapses_24h: lapses }) };
    const fact = draft(passportLapsed, data, { agent_id, session_id, mission_id, jti });
    return { write: [{ on: PASSPORT, operator_id, id: jti, facts: [fact] }], value: { lapsed: { reason, late_ms } } };
  });
  if (!decided.ok || !decided.value) return;
  if ('rearm_ms' in decided.value) await deps.timers.arm('passport', jti, decided.value.rearm_ms, { operator_id });
  else deps.signals.lapsed(decided.value.lapsed.reason, decided.value.lapsed.late_ms);
}

const DAY_MS = 86_400_000;

/** For the detectors (detectors.md 2.4), from the read model; none known where it does not answer. */
async function lapsesOf({ database, log }: Deps, agentId: string, nowMs: number): Promise<number> {
  try {
    const row = await database.db
      .selectFrom('passport')
      .select((select) => select.fn.countAll<string>().as('count'))
      .where('agent_id', '=', agentId)
      .where('lapsed_ms', '>', nowMs - DAY_MS)
      .executeTakeFirst();
    return Number(row?.count ?? 0);
  } catch (error) {
    log.warn(errorFields(error), 'the lapses of an agent could not be counted');
    return 0;
  }
}

export async function missionDue(deps: Deps, missionId: string, payload: unknown): Promise<void> {
  const operator_id = operatorOf(payload);
  if (operator_id === null) return;
  const decided = await deps.ledger.decide<Outcome>({ operator_id, actor }, async (read) => {
    const mission = await readMission(read.get, operator_id, missionId);
    if (!mission || mission.end) return { write: [], value: null };
    if (read.now < mission.expires_at_ms) return { write: [], value: { rearm_ms: mission.expires_at_ms } };
    const whose = { mission_id: missionId, ...(mission.agent_id !== null && { agent_id: mission.agent_id }) };
    // Its passports are over by the same clock; they lapse by their own deadlines.
    const fact = draft(missionExpired, { ended_at_ms: mission.expires_at_ms, revoked: [] }, whose);
    return { write: [{ on: MISSION, operator_id, id: missionId, facts: [fact] }], value: null };
  });
  if (decided.ok && decided.value && 'rearm_ms' in decided.value) {
    await deps.timers.arm('mission', missionId, decided.value.rearm_ms, { operator_id });
  }
}

function operatorOf(payload: unknown): string | null {
  const id = isRecord(payload) ? payload['operator_id'] : null;
  return isId('operator', id) ? id : null;
}
