/**
 * How fast a gateway reads the ledger: headers only, synchronous handler, entries of 400 bytes. Run with `node libs/bus/test/follow.bench.ts`.
 */
import { headers } from '@nats-io/nats-core';
import { streamInfo } from '../src/api.ts';
import { follow } from '../src/follow.ts';
import { GATEWAY_FILTERS } from '../src/subjects.ts';
import { eventually } from './support/eventually.ts';
import { startNats } from './support/nats.ts';

const COUNT = 50_000;
const nats = await startNats();
const bus = await nats.bus();
for (let i = 0; i < COUNT; i++) {
  const fields = headers();
  fields.set('Nats-Msg-Id', `m${i}`);
  fields.set('Sp-Entries', 'A'.repeat(400));
  bus.nc.publish('ledger.2.calls.bench', '[]', { headers: fields });
  if (i % 2_000 === 0) await bus.nc.flush();
}
await eventually(async () => (await streamInfo(bus)).state.last_seq >= COUNT, 300_000);
for (let round = 0; round < 3; round++) {
  let read = 0;
  const done = Promise.withResolvers<void>();
  const started = performance.now();
  const before = process.cpuUsage();
  const on_message = (entry: { header(name: string): string | undefined }): void => {
    if (entry.header('Sp-Entries') && ++read === COUNT) done.resolve();
  };
  const follower = follow(bus, { name: 'bench', filters: GATEWAY_FILTERS, start_seq: 1, headers_only: true, on_message });
  await done.promise;
  const used = process.cpuUsage(before);
  const seconds = (performance.now() - started) / 1_000;
  console.log(`${Math.round(COUNT / seconds)} messages/s, ${((used.user + used.system) / COUNT).toFixed(1)} µs CPU each`);
  await follower.stop();
}
await nats.stop();
