/** What a caller has written, its next reads show, with and without `X-Min-Event-Seq` (api.md §1.7). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionOf } from '@sallyport/bus/subjects.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, startMission } from '../support/agent.ts';
import { type Answer, readSince, why } from '../support/api.ts';
import { withDatabase } from '../support/database.ts';
import { testPlatform } from '../support/platform.ts';

const platform = testPlatform({ own: true });
const names = ({ body }: Answer): string[] => body.map(({ name }: { name: string }) => name);

/** While this runs, the read models of `passports` learn nothing of this operator. */
async function whileBehind<T>(operatorId: string, work: (catchUp: () => Promise<unknown>) => Promise<T>): Promise<T> {
  return withDatabase(platform.constellation, async (client) => {
    await client.query('begin');
    await client.query('select from passports.cursor where partition = $1 for update', [partitionOf(operatorId)]);
    return work(() => client.query('rollback'));
  });
}

test('given a read model that is behind, then who wrote waits for it and nobody else does', async () => {
  const { api, operator_id, memberKey } = await platform.newOperator();
  const reader = await memberKey('readonly');
  let rounds = 0;
  // The wait is 2 s at most, and a busy machine may take as long for what happens in it: then once more.
  await eventually(() => {
    const name = `just-made-${++rounds}`;
    return whileBehind(operator_id, async (catchUp) => {
      assert.equal((await api('POST', '/v1/agents/register', { name })).status, 201);
      const own = api('GET', '/v1/agents');
      const others = names(await reader.api('GET', '/v1/agents'));
      await catchUp();
      assert.deepEqual([names(await own).includes(name), others.includes(name)], [true, false]);
    });
  });
});

test('given a read model that stays behind, then a read that names a sequence is refused, and one that names none is as old as it must be', async () => {
  const { api, operator_id } = await platform.newOperator();
  await whileBehind(operator_id, async (catchUp) => {
    const made = await api('POST', '/v1/agents/register', { name: 'just-made' });
    const sequence = { 'x-min-event-seq': made.headers.get('x-event-seq') ?? '' };
    const [named, unnamed] = await Promise.all([api('GET', '/v1/agents', undefined, sequence), api('GET', '/v1/agents')]);
    assert.deepEqual(why(named), [503, 'READ_MODEL_BEHIND', undefined]);
    assert.equal(named.headers.get('retry-after'), '1');
    assert.deepEqual([unnamed.status, names(unnamed)], [200, []]);
    assert.equal((await api('GET', `/v1/agents/${made.body.id}`)).status, 200);
    await catchUp();
    assert.deepEqual(names(await readSince(api, '/v1/agents', made)), ['just-made']);
  });
});

test('given a service that was just connected and a read model that is behind, then a passport for it waits and is not refused', async () => {
  const { api, operator_id } = await platform.newOperator();
  const agent = await api('POST', '/v1/agents/register', { name: 'an-agent' });
  // Half of what the issue waits passes before the read model goes on; where the machine takes the other half, once more.
  await eventually(() =>
    whileBehind(operator_id, async (catchUp) => {
      await connectGithub(api, 'http://127.0.0.1:9');
      const from = performance.now();
      const started = startMission(api, agent.body.id);
      started.catch(() => undefined);
      await eventually(() => performance.now() - from > 750);
      await catchUp();
      await started;
    }),
  );
});
