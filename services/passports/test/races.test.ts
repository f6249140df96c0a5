import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { streamInfo } from '@sallyport/bus/api.ts';
import { uniqueSubject } from '@sallyport/bus/subjects.ts';
import type { StartedService } from '@sallyport/testing/service.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { agentKey, type Body, type Platform, platform, record, register, start, verify } from './support/platform.ts';

let on: Platform;
let first: StartedService;

before(async () => {
  on = await platform();
  [first] = await Promise.all([on.start('passports'), on.start('passports-2')]);
  await on.bootstrap();
});
after(() => on.stop());

test('given two processes, when one challenge is used for many enrolments at once, then exactly one wins', async () => {
  const id = await register(on);
  const { challenge, challenge_id } = await on.call('agents.enrolment_challenge', { params: { id } });
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => {
      const key = agentKey();
      const body = { public_key: key.jwk, challenge_id, signed_challenge: key.sign(String(challenge)) };
      return on.answer('agents.enrol', { params: { id }, body });
    }),
  );
  assert.equal(answers.filter((one) => one.ok).length, 1);
  for (const one of answers) if (!one.ok) assert.equal(one.denial.metadata?.['reason'], 'challenge_used');
});

test('given two processes, when two agents enrol one key at once, then one agent has it', async () => {
  const key = agentKey();
  const ids = await Promise.all([register(on), register(on), register(on), register(on)]);
  const answers = await Promise.all(
    ids.map(async (id) => {
      const { challenge, challenge_id } = await on.call('agents.enrolment_challenge', { params: { id } });
      return on.answer('agents.enrol', {
        params: { id },
        body: { public_key: key.jwk, challenge_id, signed_challenge: key.sign(String(challenge)) },
      });
    }),
  );
  assert.equal(answers.filter((one) => one.ok).length, 1);
});

test('given two processes, when a passport is checked out many times at once, then there is one checkout', async () => {
  const { passport } = await start(on, await register(on));
  const params = { jti: String(passport['jti']) };
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, n) => on.call('passports.checkout', { params, body: { summary: `${n}` } })),
  );
  assert.equal(new Set(answers.map((one) => one['checkout_id'])).size, 1);
});

test('given a mission, when it is completed while passports are issued for it, then every passport that was issued is dead', async () => {
  const agentId = await register(on);
  const { mission_id } = await start(on, agentId);
  const issue = (): Promise<string | null> =>
    on.answer('passports.issue', { body: { agent_id: agentId, mission_ids: [mission_id] } }).then((given) => {
      if (given.ok) return String(record(given.reply.body)['token']);
      assert.ok(['MISSION_ENDED', 'AUDIT_UNAVAILABLE'].includes(given.denial.code), given.denial.code);
      return null;
    });
  const issued = Promise.all(Array.from({ length: 4 }, issue));
  await on.call('missions.complete', { params: { id: mission_id } });
  for (const token of (await issued).filter((one) => one !== null)) assert.equal((await verify(on, token))['reason'], 'mission_completed');
});

test('given one idempotency key, when a mission is started by many requests at once, then at most one mission was made', async () => {
  const agentId = await register(on);
  const body = { agent_id: agentId, mission: { intent_summary: 'Once' } };
  const answers = await Promise.all(Array.from({ length: 6 }, () => on.answer('missions.start', { body, idempotency_key: 'many' })));
  const made = new Set(answers.flatMap((one) => (one.ok ? [record(one.reply.body)['mission_id']] : [])));
  assert.equal(made.size, 1);
  for (const one of answers) if (!one.ok) assert.equal(one.denial.metadata?.['reason'], 'request_in_progress');
});

test('given a process that is killed amid writes, when it is back, then what was acknowledged stands and the rest goes on', async () => {
  const agentId = await register(on);
  const acknowledged: Body[] = [];
  let stop = false;
  const writing = (async () => {
    while (!stop) {
      const given = await on
        .answer('missions.start', { body: { agent_id: agentId, mission: { intent_summary: 'Work' } } })
        .catch(() => null);
      if (given?.ok) acknowledged.push(record(given.reply.body));
    }
  })();
  await eventually(() => acknowledged.length >= 5);
  await first.kill();
  const before = acknowledged.length;
  // A question that died with the process is given up by its asker after 10 s only.
  await eventually(() => acknowledged.length >= before + 5, { timeoutMs: 40_000 });
  stop = true;
  await writing;
  await on.start('passports');
  for (const { passport } of acknowledged) assert.equal((await verify(on, record(passport)['token']))['valid'], true);
  await eventually(
    async () => {
      const { body } = await on.reply('passports.active', { query: { agent_id: agentId } });
      assert.ok(Array.isArray(body));
      const listed = body.map((one) => record(one)['jti']);
      for (const { passport } of acknowledged) assert.ok(listed.includes(record(passport)['jti']));
    },
    { timeoutMs: 60_000 },
  );
  const bootstraps = await streamInfo(await on.bus('passports'), 'LEDGER', uniqueSubject('-', 'bootstrap'));
  assert.deepEqual(Object.values(bootstraps.state.subjects ?? {}), [1]);
});
