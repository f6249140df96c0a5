import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setUpStreams, waitForStreams } from '@sallyport/bus/admin.ts';
import { connectBus } from '@sallyport/bus/connect.ts';
import { isAlive } from '@sallyport/local/processes.ts';
import { type TestNats, withNats } from '../src/nats.ts';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let nats: TestNats;
before(async () => {
  nats = await withNats();
});
after(() => nats.stop());

test('given a server of its own, when each service connects, then the streams are there', async () => {
  for (const user of ['passports', 'vault', 'gateway', 'audit', 'detectors']) {
    const bus = await connectBus({ url: nats.url, user, password: nats.passwords[user] ?? '', name: user, log });
    await waitForStreams(bus, 2000);
    await bus.close();
  }
});

test('given a service user, when it tries to make the streams, then it is refused', async () => {
  const bus = await connectBus({ url: nats.url, user: 'vault', password: nats.passwords['vault'] ?? '', name: 'vault', log });
  await assert.rejects(setUpStreams(bus));
  await bus.close();
});

test('given a wrong password, when connecting, then it is refused', async () => {
  await assert.rejects(connectBus({ url: nats.url, user: 'vault', password: 'wrong', name: 'vault', log }), /authorization/i);
});

test('given a server that is killed, when restarted, then it is another process on the same port with streams', async () => {
  const { pid, port } = nats;
  await nats.restart();
  assert.notEqual(nats.pid, pid);
  assert.equal(nats.port, port);
  assert.equal(isAlive(pid), false);
  const bus = await connectBus({ url: nats.url, user: 'audit', password: nats.passwords['audit'] ?? '', name: 'audit', log });
  await waitForStreams(bus, 2000);
  await bus.close();
});
