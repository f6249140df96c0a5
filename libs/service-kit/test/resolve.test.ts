import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { ServiceUnavailable } from '@sallyport/bus/errors.ts';
import { serve } from '@sallyport/bus/rpc.ts';
import { reply } from '@sallyport/contracts/call.ts';
import type { PrincipalView } from '@sallyport/contracts/objects/views.ts';
import { type TestNats, withNats } from '@sallyport/testing/nats.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { createLog } from '../src/log.ts';
import { createResolvers } from '../src/resolve.ts';
import { call, KEY_HASH, member } from './support/callers.ts';

const log = createLog('test', { level: 'silent' });
let nats: TestNats;
let passports: Bus;
let vault: Bus;

before(async () => {
  nats = await withNats({ streams: false });
  const connect = (user: string): Promise<Bus> =>
    connectBus({ url: nats.url, user, password: nats.passwords[user] ?? '', name: user, log });
  passports = await connect('passports');
  vault = await connect('vault');
});

after(async () => {
  await vault?.close();
  await passports?.close();
  await nats?.stop();
});

test('given nobody to answer, the question fails; it is never taken for "unknown"', async () => {
  await assert.rejects(createResolvers(vault).resolvePrincipal(KEY_HASH, call()), ServiceUnavailable);
});

test('given an owner, a positive answer is kept for a moment, a negative one is not', async () => {
  let holder: PrincipalView | null = null;
  let asked = 0;
  const serving = serve(
    passports,
    'passports',
    {
      'principal.resolve': async () => {
        asked++;
        return reply(200, holder);
      },
    },
    { log },
  );
  await passports.nc.flush();
  const { resolvePrincipal } = createResolvers(vault);
  assert.equal(await resolvePrincipal(KEY_HASH, call()), null);
  assert.equal(await resolvePrincipal(KEY_HASH, call()), null);
  assert.equal(asked, 2);
  holder = member('standard');
  // An answer counts for a second: a machine on which both took longer shows nothing.
  await eventually(async () => {
    const [before, began] = [asked, performance.now()];
    assert.deepEqual(await resolvePrincipal(KEY_HASH, call()), holder);
    assert.deepEqual(await resolvePrincipal(KEY_HASH, call()), holder);
    assert.ok(performance.now() - began < 1_000);
    assert.equal(asked, before + 1);
  });
  const known = asked;
  // A caller that wants a later state asks again.
  await resolvePrincipal(KEY_HASH, call({ min_event_seq: 9 }));
  assert.equal(asked, known + 1);
  const asking = createResolvers(vault, { kept_ms: 0 });
  await asking.resolvePrincipal(KEY_HASH, call());
  await asking.resolvePrincipal(KEY_HASH, call());
  assert.equal(asked, known + 3);
  await serving.stop();
});
