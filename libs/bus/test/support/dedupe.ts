/** A server that forgets ids at once, as it does with every id two minutes after it was stored. */
import { api, LEDGER } from '../../src/api.ts';
import type { Bus } from '../../src/connect.ts';
import { headers } from '@nats-io/nats-core';
import { eventually } from './eventually.ts';

const SHORTEST_MS = 100;
/** Within it a change has taken effect, or does not. */
const NOTICED_MS = 2_000;
const TRIES = 10;
let probes = 0;

/** Resolves when an id that was stored before it is not known any more. Needs every permission. */
export async function forgetIds(bus: Bus): Promise<void> {
  const { config } = await api<{ config: object }>(bus, `STREAM.INFO.${LEDGER}`);
  const fields = headers();
  fields.set('Nats-Msg-Id', `probe-${++probes}`);
  const isDuplicate = async (): Promise<boolean> => {
    const answer = await bus.nc.request('ledger.0.probe', '[]', { headers: fields, timeout: 5_000 });
    return answer.json<{ duplicate?: boolean }>().duplicate === true;
  };
  await isDuplicate();
  // A change wakes the clearing, which may still read the window from before it and then sleep that long: another change wakes it again.
  for (let tries = 1; ; tries++) {
    await api(bus, `STREAM.UPDATE.${LEDGER}`, { ...config, duplicate_window: (SHORTEST_MS + tries) * 1_000_000 });
    const forgotten = eventually(async () => !(await isDuplicate()), NOTICED_MS);
    if (tries === TRIES) return void (await forgotten);
    const isForgotten = await forgotten.then(
      () => true,
      () => false,
    );
    if (isForgotten) return;
  }
}
