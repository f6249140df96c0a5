/** Reads the stream and the audit rows by itself: as administrator over NATS, as superuser from PostgreSQL. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Row } from '@sallyport/audit-chain/row.ts';
import { api, type StreamInfo } from '@sallyport/bus/api.ts';
import { type Bus, connectBus, inboxPrefix } from '@sallyport/bus/connect.ts';
import pg from 'pg';
import type { StoredFact, StoredMessage } from './checker.ts';

const nothing = (): void => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const QUIET_MS = 5_000;

export interface Witness {
  bus: Bus;
  /** All messages so far; reads on from where it was. */
  stream(): Promise<readonly StoredMessage[]>;
  rows(): Promise<Row[]>;
  /** As superuser of the platform's database. */
  query<T extends pg.QueryResultRow>(text: string): Promise<T[]>;
  close(): Promise<void>;
}

export async function openWitness(platform: { natsUrl: string; postgresUrl: string; dataDir: string }): Promise<Witness> {
  const password = (await readFile(join(platform.dataDir, 'secrets', 'nats', 'admin'), 'utf8')).trim();
  const bus = await connectBus({ url: platform.natsUrl, user: 'admin', password, name: 'witness', log: silent });
  const database = new URL(platform.postgresUrl);
  database.pathname = '/sallyport';
  const messages: StoredMessage[] = [];

  async function query<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
    const client = new pg.Client({ connectionString: database.href });
    client.on('error', nothing);
    await client.connect();
    try {
      return (await client.query<T>(text)).rows;
    } finally {
      await client.end();
    }
  }

  return {
    bus,
    stream: async () => {
      const { state } = await api<StreamInfo>(bus, 'STREAM.INFO.LEDGER', undefined, QUIET_MS);
      const from = (messages.at(-1)?.seq ?? 0) + 1;
      if (state.last_seq >= from) messages.push(...(await read(bus, from, state.last_seq)));
      return messages;
    },
    rows: async () => {
      const rows = await query<{ row: Row }>('select row from audit.rows order by operator_id, seq');
      return rows.map(({ row }) => row);
    },
    query,
    close: () => bus.close(),
  };
}

/** Everything from one sequence to another by a consumer of its own; fails when nothing comes for five seconds. */
async function read(bus: Bus, from: number, to: number): Promise<StoredMessage[]> {
  const found: StoredMessage[] = [];
  const inbox = `${inboxPrefix(bus.user)}.faults.${crypto.randomUUID()}`;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let quiet = setTimeout(() => undefined, 0);
  const heard = (): void => {
    clearTimeout(quiet);
    quiet = setTimeout(() => reject(new Error(`the stream fell silent at ${found.at(-1)?.seq ?? from} of ${to}`)), QUIET_MS);
  };
  const subscription = bus.nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error) return reject(error);
      heard();
      const parts = message.reply?.split('.') ?? [];
      const at = parts.length > 9 ? 7 : 5;
      const seq = Number(parts[at]);
      const facts: StoredFact[] = JSON.parse(message.string());
      found.push({ seq, subject: message.subject, ts_ms: Number(parts[at + 2]?.slice(0, -6)), facts });
      if (seq >= to) resolve();
    },
  });
  heard();
  try {
    const config = {
      deliver_subject: inbox,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: from,
      ack_policy: 'none',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 5_000_000_000,
    };
    await api(bus, 'CONSUMER.CREATE.LEDGER', { stream_name: 'LEDGER', config }, QUIET_MS);
    await promise;
    return found;
  } finally {
    clearTimeout(quiet);
    subscription.unsubscribe();
  }
}
