/** Passports in the read model: their own facts, and what ends many of them at once. */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { checkpointRecorded, missionCheckedOut, passportLapsed } from '@sallyport/contracts/facts/passports.ts';
import { sql, type Transaction } from 'kysely';
import type { Static } from 'typebox';
import { evolvePassport, PASSPORT, type PassportState } from '../domain/passport.ts';
import type { RevocationKind } from '../domain/revocation.ts';
import { projectRun } from './model-review.ts';
import type { Tables } from './tables.ts';

export async function projectPassport(tx: Transaction<Tables>, jti: string, fact: Fact, at: Position): Promise<void> {
  const row = await tx.selectFrom('passport').select(['state', 'status']).where('jti', '=', jti).executeTakeFirst();
  const state = evolvePassport(row?.state ?? PASSPORT.initial(), fact, at);
  if (!state.issued) return;
  if (!row) return insert(tx, state, at);
  const ended = row.status === 'active' ? endOf(state) : null;
  const silent = dataOf(passportLapsed, fact)?.reason === 'no_checkpoint';
  await tx
    .updateTable('passport')
    .set({
      expires_ms: state.expires_at_ms,
      state: JSON.stringify(state),
      ...(ended && { status: ended, ended_seq: at.seq }),
      ...(silent && { lapsed_ms: at.ts_ms }),
    })
    .where('jti', '=', jti)
    .execute();
  const checkpoint = dataOf(checkpointRecorded, fact);
  if (checkpoint) await insertCheckpoint(tx, state.issued.line, state.operator_id, checkpoint);
  await toldToMission(tx, state.issued.mission_id, fact);
  const out = dataOf(missionCheckedOut, fact);
  if (out && state.issued.mode !== 'standard') await projectRun(tx, state.operator_id, state.issued, out);
}

async function insert(tx: Transaction<Tables>, state: PassportState, at: Position): Promise<void> {
  const { issued } = state;
  if (!issued) return;
  const parents = [...new Set(issued.parents.flatMap((parent) => [parent.jti, parent.line]))];
  const killed = await killedBefore(tx, [issued.line, ...parents]);
  await tx
    .insertInto('passport')
    .values({
      jti: issued.jti,
      line: issued.line,
      operator_id: state.operator_id,
      agent_id: issued.agent_id,
      session_id: issued.session_id,
      mission_id: issued.mission_id,
      parents,
      connections: issued.services.map(({ connection_id }) => connection_id),
      issued_seq: at.seq,
      issued_ms: issued.issued_at_ms,
      expires_ms: state.expires_at_ms,
      status: killed === null ? 'active' : 'revoked',
      ended_seq: killed ?? 0,
      lapsed_ms: null,
      state: JSON.stringify(state),
    })
    .execute();
}

/** Of a refresh or delegation that was on its way while its line or a parent's was revoked: where that stands. */
async function killedBefore(tx: Transaction<Tables>, lines: string[]): Promise<number | null> {
  const row = await tx
    .selectFrom('passport')
    .select((select) => select.fn.max('ended_seq').as('seq'))
    .where('line', 'in', lines)
    .where('status', '=', 'revoked')
    .executeTakeFirst();
  return row?.seq ?? null;
}

async function insertCheckpoint(
  tx: Transaction<Tables>,
  line: string,
  operatorId: string,
  recorded: Static<typeof checkpointRecorded.data>,
): Promise<void> {
  const { checkpoint_id, recorded_at_ms, services_used, actions_count, summary, flags, delegated_to } = recorded;
  const data = { checkpoint_id, recorded_at_ms, services_used, actions_count, summary, flags, delegated_to };
  await tx
    .insertInto('checkpoint')
    .values({ checkpoint_id, line, operator_id: operatorId, recorded_ms: recorded_at_ms, data: JSON.stringify(data) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

function endOf(state: PassportState): 'checked_out' | 'lapsed' | 'superseded' | null {
  if (state.checked_out?.data.ended_by === 'checkout') return 'checked_out';
  if (state.superseded_by !== null) return 'superseded';
  return state.lapsed_at_ms === null ? null : 'lapsed';
}

/** What the list of missions shows of its passports. */
async function toldToMission(tx: Transaction<Tables>, missionId: string, fact: Fact): Promise<void> {
  const mission = tx.updateTable('mission').where('mission_id', '=', missionId);
  if (dataOf(checkpointRecorded, fact)) await mission.set({ checkpoints: sql`checkpoints + 1` }).execute();
  const out = dataOf(missionCheckedOut, fact);
  if (!out) return;
  const { outcome, review_status, flags } = out;
  await mission.set({ outcome, review_status, flags: JSON.stringify(flags) }).execute();
}

/** No child is older than its mission may be (api.md §7), so what was issued earlier has none that lives. */
const LONGEST_MS = 90_000_000;

export interface Ending {
  kind: RevocationKind;
  /** Of the aggregate: a line, agent, session, mission or operator. */
  id: string;
  /** For `single` the jti that was named. */
  target: string;
}

/** What a revocation meets: live passports of its target that stand before it, and all that descend from any of the target's, also from those that are over. */
export async function endPassports(tx: Transaction<Tables>, operatorId: string, { kind, id, target }: Ending, at: Position): Promise<void> {
  const columns = {
    single: 'line',
    bulk_agent: 'agent_id',
    bulk_session: 'session_id',
    bulk_mission: 'mission_id',
    bulk_operator: 'operator_id',
  };
  const own = sql`operator_id = ${operatorId} and ${sql.ref(columns[kind])} = ${id} and issued_seq < ${at.seq}`;
  if (kind === 'bulk_operator' || kind === 'bulk_session') {
    await sql`update passport set status = 'revoked', ended_seq = ${at.seq} where ${own} and status = 'active'`.execute(tx);
    return;
  }
  await sql`
    with recursive met as (
      select line from passport where ${own} and issued_ms > ${at.ts_ms - LONGEST_MS}
      union
      select child.line from passport child, met where child.parents @> array[met.line] and child.issued_seq < ${at.seq}
    )
    update passport set status = 'revoked', ended_seq = ${at.seq}
    where issued_seq < ${at.seq} and (
      (line in (select line from met) and status = 'active')
      or (${kind} = 'single' and line = ${id} and (status in ('active', 'lapsed') or (status = 'superseded' and jti = ${target}))))`.execute(
    tx,
  );
}
