/**
 * Outputs of completed missions (api.md §7): content, so it never enters the log; the log holds its digest. Kept sealed in this service's database, written before the
 * fact that names it, and gone after `intent_body_retention_days`. An output that no mission names (a completion that lost) is swept with the rest.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Log } from '@sallyport/service-kit/log.ts';
import { secretFile } from '@sallyport/service-kit/secret-file.ts';
import { openWithKey, sealWithKey } from '@sallyport/seal/with-key.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import type { Ledger } from '@sallyport/bus/ledger.ts';
import type { Database } from '@sallyport/projections/open-pool.ts';
import { OPERATOR } from './domain/operator.ts';
import type { Tables } from './projections/tables.ts';

export interface Outputs {
  /** Keeps a canonical text; answers its SHA-256, hex. Throws when the database does not take it. */
  keep(operatorId: string, missionId: string, text: string): Promise<string>;
  /** Null: no longer kept, or it cannot be opened. */
  read(operatorId: string, missionId: string, sha256: string): Promise<Record<string, unknown> | null>;
  /** Removes what is past its time. */
  sweep(): Promise<void>;
}

interface OutputDeps {
  database: Database<Tables>;
  ledger: Ledger;
  clock: Clock;
  log: Log;
}

const DAY_MS = 86_400_000;

export async function openOutputs({ database, ledger, clock, log }: OutputDeps, secretsDir: string): Promise<Outputs> {
  const key = Buffer.from(await secretFile(secretsDir, 'content-key', () => randomBytes(32).toString('hex')), 'hex');
  const { db } = database;

  /** What was kept before this is past its time. */
  async function keptSince(operatorId: string): Promise<number> {
    const { settings } = (await ledger.load(OPERATOR, operatorId, operatorId)).state;
    return settings ? clock.now() - settings.intent_body_retention_days * DAY_MS : 0;
  }

  return {
    keep: async (operator_id, mission_id, text) => {
      const sha256 = createHash('sha256').update(text).digest('hex');
      const sealed = await sealWithKey(key, Buffer.from(text), placeOf(mission_id, sha256));
      const kept_ms = clock.now();
      await db
        .insertInto('mission_output')
        .values({ mission_id, sha256, operator_id, sealed, kept_ms })
        .onConflict((conflict) => conflict.columns(['mission_id', 'sha256']).doUpdateSet({ sealed, kept_ms }))
        .execute();
      return sha256;
    },
    read: async (operatorId, missionId, sha256) => {
      const row = await db
        .selectFrom('mission_output')
        .select('sealed')
        .where('mission_id', '=', missionId)
        .where('sha256', '=', sha256)
        .where('operator_id', '=', operatorId)
        .where('kept_ms', '>', await keptSince(operatorId))
        .executeTakeFirst();
      if (!row) return null;
      const value: unknown = JSON.parse(Buffer.from(await openWithKey(key, row.sealed, placeOf(missionId, sha256))).toString('utf8'));
      return typeof value === 'object' && value !== null ? { ...value } : null;
    },
    sweep: async () => {
      try {
        const operators = await db.selectFrom('mission_output').select('operator_id').distinct().execute();
        for (const { operator_id } of operators) {
          const since = await keptSince(operator_id);
          await db.deleteFrom('mission_output').where('operator_id', '=', operator_id).where('kept_ms', '<=', since).execute();
        }
      } catch (error) {
        log.warn(errorFields(error), 'outputs past their time could not be removed');
      }
    },
  };
}

/** A sealed output opens only as the one that it was kept as. */
function placeOf(missionId: string, sha256: string): string {
  return `passports.mission_output ${missionId} ${sha256}`;
}
