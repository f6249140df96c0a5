/**
 * What calls did, per mission and passport: attempts, refusals, failures, and the calls that went upstream; and what the detectors found in them. The first closing
 * of an attempt counts, later ones are ignored, like everywhere (api.md §8.6). Shows; the exact counting against caps is the log's (`admit`).
 */
import type { Entry } from '@sallyport/bus/follow.ts';
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { callAttempted, callCompleted, callDenied } from '@sallyport/contracts/facts/calls.ts';
import { signalRaised } from '@sallyport/contracts/facts/detection.ts';
import { eachEntry, type ProjectionOptions } from '@sallyport/projections/options.ts';
import { sql, type Transaction } from 'kysely';
import type { Tables } from './tables.ts';

export const USAGE: Pick<ProjectionOptions<Tables>, 'name' | 'filters' | 'handle' | 'reset'> = {
  name: 'usage',
  filters: (partition) => [`ledger.${partition}.calls.*`, `ledger.${partition}.*.signal.*`],
  handle: eachEntry(project),
  reset: async (tx) => {
    for (const table of ['mission_usage', 'service_usage', 'open_attempt', 'passport_usage'] as const) await tx.deleteFrom(table).execute();
  },
};

async function project(tx: Transaction<Tables>, entry: Entry): Promise<void> {
  for (const fact of entry.facts()) await projectCall(tx, fact, entry.ts_ms);
}

async function projectCall(tx: Transaction<Tables>, fact: Fact, atMs: number): Promise<void> {
  const { mission_id: missionId, jti, operator_id: operatorId } = fact;
  if (missionId === undefined) return;
  const signal = dataOf(signalRaised, fact);
  if (signal) return signal.dry_run ? undefined : countMission(tx, operatorId, missionId, { security_events: 1 });
  const attempted = dataOf(callAttempted, fact);
  if (attempted) {
    const { service } = attempted;
    await tx.insertInto('open_attempt').values({ attempt_id: fact.id, operator_id: operatorId, mission_id: missionId, service }).execute();
    await countMission(tx, operatorId, missionId, { calls: 1, actions: 1 });
    await countService(tx, missionId, service, attempted.class === 'read' ? 1 : 0, atMs);
    if (jti !== undefined) await touch(tx, operatorId, jti, atMs);
    return;
  }
  const denied = dataOf(callDenied, fact);
  if (denied) {
    if (denied.attempt_id === null) return countMission(tx, operatorId, missionId, { denied: 1 });
    if (await close(tx, denied.attempt_id)) {
      await countMission(tx, operatorId, missionId, { calls: -1, actions: -1, denied: 1 });
      await giveBack(tx, missionId, denied.service, denied.class === 'read' ? 1 : 0, true);
    }
    return;
  }
  const completed = dataOf(callCompleted, fact);
  if (!completed || !(await close(tx, completed.attempt_id))) return;
  const failed = completed.outcome === 'failure' ? 1 : 0;
  await countMission(tx, operatorId, missionId, { failed, actions: completed.sent ? 0 : -1 });
  if (!completed.sent) await giveBack(tx, missionId, completed.service, 0, false);
}

/** True for the first closing. */
async function close(tx: Transaction<Tables>, attemptId: string): Promise<boolean> {
  const result = await tx.deleteFrom('open_attempt').where('attempt_id', '=', attemptId).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

type Counts = Record<'calls' | 'denied' | 'failed' | 'actions' | 'security_events', number>;

async function countMission(
  tx: Transaction<Tables>,
  operatorId: string,
  missionId: string,
  { calls = 0, denied = 0, failed = 0, actions = 0, security_events = 0 }: Partial<Counts>,
): Promise<void> {
  await sql`
    insert into mission_usage (mission_id, operator_id, calls, denied, failed, actions, security_events)
    values (${missionId}, ${operatorId}, ${calls}, ${denied}, ${failed}, ${actions}, ${security_events})
    on conflict (mission_id) do update set calls = mission_usage.calls + excluded.calls, denied = mission_usage.denied + excluded.denied,
      failed = mission_usage.failed + excluded.failed, actions = mission_usage.actions + excluded.actions,
      security_events = mission_usage.security_events + excluded.security_events`.execute(tx);
}

async function countService(tx: Transaction<Tables>, missionId: string, service: string, reads: number, atMs: number): Promise<void> {
  await sql`
    insert into service_usage (mission_id, service, reads, writes, actions, last_ms)
    values (${missionId}, ${service}, ${reads}, ${1 - reads}, 1, ${atMs})
    on conflict (mission_id, service) do update set reads = service_usage.reads + excluded.reads, writes = service_usage.writes + excluded.writes,
      actions = service_usage.actions + 1, last_ms = greatest(service_usage.last_ms, excluded.last_ms)`.execute(tx);
}

/** An attempt that was refused by the log was no call at all; one that was given up before it was sent only costs no action. */
async function giveBack(tx: Transaction<Tables>, missionId: string, service: string, reads: number, whole: boolean): Promise<void> {
  const calls = whole ? 1 : 0;
  await sql`
    update service_usage set actions = actions - 1, reads = reads - ${calls * reads}, writes = writes - ${calls * (1 - reads)}
    where mission_id = ${missionId} and service = ${service}`.execute(tx);
}

async function touch(tx: Transaction<Tables>, operatorId: string, jti: string, atMs: number): Promise<void> {
  await sql`
    insert into passport_usage (jti, operator_id, last_used_ms) values (${jti}, ${operatorId}, ${atMs})
    on conflict (jti) do update set last_used_ms = greatest(passport_usage.last_used_ms, excluded.last_used_ms)`.execute(tx);
}
