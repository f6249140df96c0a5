/** Read model `security_events` (detectors.md §6.1, §6.2): one row per once key, its dealings, whether its effect came. */
import type { Entry } from '@sallyport/bus/follow.ts';
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { securityEventAcknowledged, securityEventResolved, signalRaised, signalRepeated } from '@sallyport/contracts/facts/detection.ts';
import { passportRevoked } from '@sallyport/contracts/facts/passports.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';
import { eachEntry, type ProjectionOptions } from '@sallyport/projections/options.ts';
import { sql, type Transaction, type Updateable } from 'kysely';
import type { DetectorTables, SecurityEventRow } from '../db/schema.ts';

type Tx = Transaction<DetectorTables>;

const SESSION_WINDOW_MS = 1_800_000;
const AGENT_WINDOW_MS = 900_000;

export const securityEventsProjection: Pick<ProjectionOptions<DetectorTables>, 'name' | 'filters' | 'handle' | 'reset'> = {
  name: 'security_events',
  filters: (partition) =>
    ['signal', 'passport', 'session', 'agent', 'mission', 'operator'].map((kind) => `ledger.${partition}.*.${kind}.*`),
  handle: eachEntry(async (tx, entry) => {
    for (const fact of entry.facts()) await applyFact(tx, fact, entry);
  }),
  reset: async (tx) => {
    await tx.deleteFrom('security_events').execute();
  },
};

async function applyFact(tx: Tx, fact: Fact, entry: Entry): Promise<void> {
  if (dataOf(signalRaised, fact)) return raise(tx, fact);
  const repeated = dataOf(signalRepeated, fact);
  if (repeated) {
    const { signal_id, count, last_at_ms } = repeated;
    await tx.updateTable('security_events').set({ count, last_at_ms }).where('id', '=', signal_id).execute();
  }
  const acknowledged = dataOf(securityEventAcknowledged, fact);
  if (acknowledged) {
    await touch(tx, fact, acknowledged.signal_id, { status: 'acknowledged', acknowledged_by: JSON.stringify(fact.actor) });
  }
  const resolved = dataOf(securityEventResolved, fact);
  if (resolved) {
    const { signal_id, resolution, note } = resolved;
    const by = JSON.stringify(fact.actor);
    await touch(tx, fact, signal_id, { status: 'resolved', resolved_by: by, resolution, note, resolved_at_ms: entry.ts_ms });
  }
  await effects(tx, fact, entry.ts_ms);
}

async function touch(tx: Tx, fact: Fact, id: string, set: Updateable<SecurityEventRow>): Promise<void> {
  const entries = sql<string>`entry_ids || ${JSON.stringify([auditIdOf(fact.id)])}::jsonb`;
  await tx
    .updateTable('security_events')
    .set({ ...set, entry_ids: entries })
    .where('id', '=', id)
    .execute();
}

async function raise(tx: Tx, fact: Fact): Promise<void> {
  const data = dataOf(signalRaised, fact);
  if (!data) return;
  const { operator_id, agent_id = null, session_id = null, mission_id = null, jti = null } = fact;
  const incident = await incidentOf(tx, fact, data);
  const done = data.effect === 'revoke' ? await alreadyDone(tx, jti) : null;
  await tx
    .insertInto('security_events')
    .values({
      id: data.signal_id,
      operator_id,
      agent_id,
      session_id,
      mission_id,
      passport_jti: jti,
      signal_type: data.detector,
      key: data.key,
      once: data.once,
      code: data.code,
      severity: data.severity,
      message: data.message,
      metadata: JSON.stringify(data.metadata),
      status: 'open',
      count: 1,
      created_at_ms: fact.at,
      last_at_ms: fact.at,
      effect_kind: data.effect,
      effect_state: data.effect === 'none' ? 'none' : done === null ? 'pending' : 'done',
      effect_at_ms: done,
      incident_id: incident,
      dry_run: data.dry_run,
      event_id: fact.id,
      acknowledged_by: 'null',
      resolved_by: 'null',
      resolution: null,
      note: null,
      resolved_at_ms: null,
      entry_ids: JSON.stringify([auditIdOf(fact.id)]),
    })
    // The same once key under another id: state was lost, and the finding is not new.
    .onConflict((conflict) =>
      conflict.columns(['operator_id', 'signal_type', 'key', 'once']).doUpdateSet({
        count: sql<number>`security_events.count + 1`,
        last_at_ms: sql<number>`greatest(security_events.last_at_ms, excluded.last_at_ms)`,
      }),
    )
    .execute();
}

/** Events of one session within 30 minutes, or of one agent with the same detector and code within 15, are one incident: named after its first. */
async function incidentOf(tx: Tx, fact: Fact, data: { detector: string; code: string }): Promise<string | null> {
  const { operator_id, session_id, agent_id, at } = fact;
  const earlier = await tx
    .selectFrom('security_events')
    .select(['id', 'incident_id'])
    .where('operator_id', '=', operator_id)
    .where((where) =>
      where.or([
        where.and([where('session_id', '=', session_id ?? ''), where('created_at_ms', '>', at - SESSION_WINDOW_MS)]),
        where.and([
          where('agent_id', '=', agent_id ?? ''),
          where('signal_type', '=', data.detector),
          where('code', '=', data.code),
          where('created_at_ms', '>', at - AGENT_WINDOW_MS),
        ]),
      ]),
    )
    .orderBy('created_at_ms', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!earlier) return null;
  if (earlier.incident_id !== null) return earlier.incident_id;
  await tx.updateTable('security_events').set({ incident_id: earlier.id }).where('id', '=', earlier.id).execute();
  return earlier.id;
}

async function alreadyDone(tx: Tx, jti: string | null): Promise<number | null> {
  if (jti === null) return null;
  const row = await tx
    .selectFrom('security_events')
    .select('effect_at_ms')
    .where('passport_jti', '=', jti)
    .where('effect_state', '=', 'done')
    .where('effect_kind', '=', 'revoke')
    .limit(1)
    .executeTakeFirst();
  return row?.effect_at_ms ?? null;
}

/** A revocation that reaches what a signal wanted dead is its effect, whoever asked for it. */
async function effects(tx: Tx, fact: Fact, tsMs: number): Promise<void> {
  const revoked = dataOf(passportRevoked, fact);
  if (!revoked) return;
  const { kind, target, cascaded } = revoked;
  const wide = ['revoke', 'revoke_session', 'revoke_agent'];
  await tx
    .updateTable('security_events')
    .set({ effect_state: 'done', effect_at_ms: tsMs })
    .where('operator_id', '=', fact.operator_id)
    .where('effect_state', '=', 'pending')
    .where((where) =>
      where.or([
        where('event_id', '=', fact.causation_id ?? ''),
        ...(kind === 'single'
          ? [where.and([where('effect_kind', '=', 'revoke'), where('passport_jti', 'in', [target, ...cascaded])])]
          : []),
        ...(kind === 'bulk_mission' ? [where.and([where('effect_kind', '=', 'revoke'), where('mission_id', '=', target)])] : []),
        ...(kind === 'bulk_session'
          ? [where.and([where('effect_kind', 'in', ['revoke', 'revoke_session']), where('session_id', '=', target)])]
          : []),
        ...(kind === 'bulk_agent'
          ? [where.and([where('effect_kind', 'in', ['revoke', 'revoke_agent']), where('agent_id', '=', target)])]
          : []),
        ...(kind === 'bulk_operator' ? [where('effect_kind', 'in', wide)] : []),
      ]),
    )
    .execute();
}
