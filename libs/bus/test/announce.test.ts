/** What owners and gateways say beside the log, and who is believed there. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Cut, onCut, publishCut } from '../src/announce.ts';
import { api, LEDGER } from '../src/api.ts';
import { acknowledgeFence, openFenceAcks } from '../src/fences.ts';
import { eventually } from './support/eventually.ts';
import { type Nats, startNats } from './support/nats.ts';

let nats: Nats;
before(async () => {
  nats = await startNats();
});
after(async () => nats?.stop());

test('given a service that aims a consumer at what owners and gateways say, then nobody listens to it', async () => {
  const [detectors, gateway, passports, vault] = await Promise.all([
    nats.bus('detectors'),
    nats.bus('gateway'),
    nats.bus('passports'),
    nats.bus('vault'),
  ]);
  const own = 'ledger.3.op_1.signal.aimed';
  const aim = async (said: object, at: string): Promise<void> => {
    const stored = await detectors.nc.request(own, JSON.stringify(said), { timeout: 2_000 });
    const { seq } = stored.json<{ seq: number }>();
    const name = `aimed_${seq}`;
    const config = {
      name,
      deliver_subject: at,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: seq,
      ack_policy: 'none',
      filter_subject: own,
    };
    await api(detectors, `CONSUMER.CREATE.${LEDGER}.${name}.${own}`, { stream_name: LEDGER, config });
  };
  /** What was said is with the server, and what the server had is here. */
  const heard = async (): Promise<void> => {
    await gateway.nc.flush();
    await passports.nc.flush();
  };
  const cuts: Cut[] = [];
  const listening = onCut(gateway, (cut) => void cuts.push(cut));
  const acks = openFenceAcks(passports);
  await heard();

  await aim({ boot: 'bt_1', position: 99 }, acks.subject);
  // A consumer delivers where somebody listens to the very subject: a gateway that is not what it was may, and then all of them would hear it.
  let arrived = 0;
  const lure = gateway.nc.subscribe('cut.op_1', { callback: () => void arrived++ });
  await heard();
  await aim({ operator_id: 'op_1', targets: [] }, 'cut.op_1');
  await eventually(() => arrived > 0);
  lure.unsubscribe();
  await publishCut(vault, { operator_id: 'op_2', targets: [] });
  await eventually(() => cuts.some(({ operator_id }) => operator_id === 'op_2'));
  acknowledgeFence(gateway, { effect: 'revoked', kind: 'agent', id: 'x', targets: [], ack: acks.subject }, 'bt_2', 99);
  await heard();
  assert.deepEqual(await acks.collect(['bt_1', 'bt_2'], 99, 200), { acked: ['bt_2'], missing: ['bt_1'] });
  assert.deepEqual(cuts, [{ operator_id: 'op_2', targets: [] }]);
  listening.stop();
});
