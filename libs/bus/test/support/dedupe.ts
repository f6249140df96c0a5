/** A server that forgets ids at once, as it does with every id two minutes after it was stored. */
import { api, LEDGER } from '../../src/api.ts';
import type { Bus } from '../../src/connect.ts';
import { headers } from '@nats-io/nats-core';
import { eventually } from './eventually.ts';

const SHORTEST_NS = 100_000_000;
let probes = 0;

/** Resolves when an id that was stored before it is not known any more. Needs every permission. */
export async function forgetIds(bus: Bus): Promise<void> {
  const { config } = await api<{ config: object }>(bus, `STREAM.INFO.${LEDGER}`);
  await api(bus, `STREAM.UPDATE.${LEDGER}`, { ...config, duplicate_window: SHORTEST_NS });
  const fields = headers();
  fields.set('Nats-Msg-Id', `probe-${++probes}`);
  const isDuplicate = async (): Promise<boolean> => {
    const answer = await bus.nc.request('ledger.0.probe', '[]', { headers: fields, timeout: 1_000 });
    return answer.json<{ duplicate?: boolean }>().duplicate === true;
  };
  await isDuplicate();
  await eventually(async () => !(await isDuplicate()));
}
