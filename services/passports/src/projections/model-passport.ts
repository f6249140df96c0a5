/** Passports in the read model: their own facts, and what ends many of them at once. */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { checkpointRecorded, missionCheckedOut } from '@sallyport/contracts/facts/passports.ts';
import { sql, type Transaction } from 'kysely';
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
  await tx
    .updateTable('passport')
    .set({ expires_ms: state.expires_at_ms, state: JSON.stringify(state), ...(ended && { status: ended, ended_seq: at.seq }) })
    .where('jti', '=', jti)
    .execute();
  await toldToMission(tx, state.issued.mission_id, fact);
  const out = dataOf(missionCheckedOut, fact);
  if (out && state.issued.mode !== 'standard') await projectRun(tx, state.operator_id, state.issued, out);
}

async function insert(tx: Transaction<Tables>, state: PassportState, at: Position): Promise<void> {
  const { issued } = state;
  if (!issued) return;
  await tx
    .insertInto('passport')
    .values({
      jti: issued.jti,
      operator_id: state.operator_id,
      agent_id: issued.agent_id,
      session_id: issued.session_id,
      mission_id: issued.mission_id,
      parents: [...new Set(issued.parents.flatMap((parent) => [parent.jti, parent.line]))],
      connections: issued.services.map(({ connection_id }) => connection_id),
      issued_seq: at.seq,
      issued_ms: issued.issued_at_ms,
      expires_ms: state.expires_at_ms,
      status: 'active',
      ended_seq: 0,
      state: JSON.stringify(state),
    })
    .execute();
}

function endOf(state: PassportState): 'checked_out' | 'lapsed' | null {
  if (state.checked_out?.data.ended_by === 'checkout') return 'checked_out';
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

/** What a revocation meets: live passports of its target that stand before it, and all that descend from them. */
export async function endPassports(
  tx: Transaction<Tables>,
  operatorId: string,
  kind: RevocationKind,
  id: string,
  seq: number,
): Promise<void> {
  const columns = {
    single: 'jti',
    bulk_agent: 'agent_id',
    bulk_session: 'session_id',
    bulk_mission: 'mission_id',
    bulk_operator: 'operator_id',
  };
  await sql`
    with recursive met as (
      select jti from passport
      where operator_id = ${operatorId} and ${sql.ref(columns[kind])} = ${id} and issued_seq < ${seq}
        and (status = 'active' or (${kind} = 'single' and status = 'lapsed'))
      union
      select child.jti from passport child, met where child.parents @> array[met.jti] and child.status = 'active' and child.issued_seq < ${seq}
    )
    update passport set status = 'revoked', ended_seq = ${seq} where jti in (select jti from met)`.execute(tx);
}
