import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeadlines } from '../src/deadlines.ts';
import { createResolver } from '../src/proxy/resolve.ts';
import { createQuestions, Unanswered } from '../src/views/questions.ts';

const later = (): number => performance.now() + 1_000;

test('given a question under way, callers that came before it was sent share it, and a later one waits for the next', async () => {
  const questions = createQuestions<number>(5_000);
  const answers: PromiseWithResolvers<number>[] = [];
  const send = (): Promise<number> => {
    const answer = Promise.withResolvers<number>();
    answers.push(answer);
    return answer.promise;
  };
  const first = questions.ask('a', 0, send);
  const shared = questions.ask('a', 0, send);
  const fresh = [questions.ask('a', later(), send), questions.ask('a', later(), send)];
  assert.equal(answers.length, 1);
  answers[0]?.resolve(1);
  assert.deepEqual([(await first).value, (await shared).value], [1, 1]);
  while (answers.length < 2) await new Promise(setImmediate);
  answers[1]?.resolve(2);
  assert.deepEqual(
    (await Promise.all(fresh)).map(({ value }) => value),
    [2, 2],
  );
  assert.equal(answers.length, 2);
});

test('given no answer in time, or a failure, the caller hears Unanswered and the next question is sent', async () => {
  const questions = createQuestions<number>(20);
  await assert.rejects(
    questions.ask('a', 0, () => new Promise(() => undefined)),
    Unanswered,
  );
  await assert.rejects(
    questions.ask('a', 0, () => Promise.reject(new Error('down'))),
    Unanswered,
  );
  assert.equal((await questions.ask('a', 0, () => Promise.resolve(7))).value, 7);
});

test('given deadlines of one length, they expire in order, and cleared ones never', async () => {
  const deadlines = createDeadlines(15, 5);
  const expired: string[] = [];
  deadlines.begin(() => expired.push('a'));
  deadlines.begin(() => expired.push('cleared')).clear();
  const last = Promise.withResolvers<void>();
  deadlines.begin(() => {
    expired.push('b');
    last.resolve();
  });
  assert.equal(deadlines.size(), 2);
  await last.promise;
  assert.deepEqual([expired, deadlines.size()], [['a', 'b'], 0]);
});

test('given a name with one private answer among public ones, it may not be called, whatever it says the next time', async () => {
  const answers = [
    [
      { address: '140.82.121.6', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ],
    [{ address: '140.82.121.6', family: 4 }],
  ];
  const resolver = createResolver(() => Promise.resolve(answers[0] ?? []));
  const open = { allow_private_networks: false };
  assert.deepEqual(await resolver.resolve('mixed.example', open), { ok: false, problem: 'private_address' });
  const allowed = await resolver.resolve('mixed.example', { allow_private_networks: true });
  assert.ok(allowed.ok && allowed.addresses.length === 2);
  const silent = createResolver(() => Promise.reject(new Error('NXDOMAIN')));
  assert.deepEqual(await silent.resolve('gone.example', open), { ok: false, problem: 'dns' });
  assert.deepEqual(await silent.resolve('[::ffff:127.0.0.1]', open), { ok: false, problem: 'private_address' });
});
