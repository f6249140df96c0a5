/**
 * Read model `connections`, for lists. Also destroys, with the cursor's transaction, the secrets that a fact has made useless: what the operation
 * did not get to after a crash is done here.
 */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { serviceConnected, serviceDisconnected, serviceUpdated } from '@sallyport/contracts/facts/vault.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { Database } from '@sallyport/projections/open-pool.ts';
import { eachEntry, type ProjectionOptions } from '@sallyport/projections/options.ts';
import type { Transaction } from 'kysely';
import type { VaultTables } from '../db/schema.ts';

export const connectionsProjection: Pick<ProjectionOptions<VaultTables>, 'name' | 'filters' | 'handle' | 'reset'> = {
  name: 'connections',
  filters: (partition) => [`ledger.${partition}.*.connection.*`],
  handle: eachEntry(async (tx, entry) => {
    for (const fact of entry.facts()) await applyFact(tx, fact);
  }),
  reset: async (tx) => {
    await tx.deleteFrom('connections').execute();
  },
};

async function applyFact(tx: Transaction<VaultTables>, fact: Fact): Promise<void> {
  const changed = dataOf(serviceConnected, fact) ?? dataOf(serviceUpdated, fact);
  if (changed) return store(tx, fact.operator_id, changed.connection);
  const gone = dataOf(serviceDisconnected, fact);
  if (!gone) return;
  await tx.deleteFrom('connections').where('connection_id', '=', gone.connection_id).execute();
  await tx.deleteFrom('secret').where('connection_id', '=', gone.connection_id).execute();
}

async function store(tx: Transaction<VaultTables>, operatorId: string, connection: Connection): Promise<void> {
  const { id, provider, credential_ref } = connection;
  const before = await tx.selectFrom('connections').select('object').where('connection_id', '=', id).executeTakeFirst();
  const row = { connection_id: id, operator_id: operatorId, provider, object: JSON.stringify(connection) };
  await tx
    .insertInto('connections')
    .values(row)
    .onConflict((conflict) => conflict.column('connection_id').doUpdateSet({ object: row.object }))
    .execute();
  // Only the reference that this fact replaced: a newer one may lie there already, ahead of its own fact.
  if (before && before.object.credential_ref !== credential_ref) {
    await tx.deleteFrom('secret').where('credential_ref', '=', before.object.credential_ref).execute();
  }
}

/** Newest first, at most `limit`, older than `before` (a connection id). */
export async function listConnectionRows(
  { db }: Database<VaultTables>,
  ask: { operator_id: string; before: string | null; limit: number },
): Promise<Connection[]> {
  const rows = await db
    .selectFrom('connections')
    .select('object')
    .where('operator_id', '=', ask.operator_id)
    .$if(ask.before !== null, (query) => query.where('connection_id', '<', ask.before ?? ''))
    .orderBy('connection_id', 'desc')
    .limit(ask.limit)
    .execute();
  return rows.map(({ object }) => object);
}
