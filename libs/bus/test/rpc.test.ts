import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type BusCall, refuse, reply } from '@sallyport/contracts/call.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import type { Bus } from '../src/connect.ts';
import { LedgerUnavailable, ServiceUnavailable } from '../src/errors.ts';
import type { Log } from '../src/log.ts';
import { getMessage, LEDGER } from '../src/api.ts';
import { askersOf, question } from '../src/late.ts';
import { ask, type Handler, serve } from '../src/rpc.ts';
import { operationSubject } from '../src/subjects.ts';
import { eventually } from './support/eventually.ts';
import { type Nats, startNats } from './support/nats.ts';
import { type Proxy, startProxy } from './support/proxy.ts';
import { silent } from './support/silent.ts';

let nats: Nats;
let owner: Bus;
let caller: Bus;

before(async () => {
  nats = await startNats();
  owner = await nats.bus('passports');
  caller = await nats.bus('gateway');
});

after(async () => nats?.stop());

const call = (body: unknown = null): BusCall => ({
  operation: 'passport.resolve',
  bearer: { kind: 'none' },
  params: {},
  query: {},
  body,
  request_id: 'req_1',
});
const operation = { name: 'passport.resolve', owner: 'passports' };

async function answered(handler: Handler, work: () => Promise<void>, log: Log = silent): Promise<void> {
  const isOutage = (error: unknown): boolean => error instanceof Error && error.message === 'no database';
  const serving = serve(owner, 'passports', { 'passport.resolve': handler }, { log, isOutage });
  await owner.nc.flush();
  try {
    await work();
  } finally {
    await serving.stop();
  }
}

async function* pieces(count: number, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(size, i % 256);
}

test('given a served operation, the answer comes back whole', async () => {
  await answered(
    async ({ body }) => reply(201, { body }, { event_seq: 7, headers: { 'X-A': 'b' } }),
    async () =>
      assert.deepEqual(await ask(caller, operation, call('hi')), {
        ok: true,
        reply: { status: 201, body: { body: 'hi' }, event_seq: 7, headers: { 'X-A': 'b' } },
      }),
  );
});

test('given a refusal, it is a value', async () => {
  const refusal = denial('NOT_FOUND', 'no');
  await answered(
    async () => refuse(refusal),
    async () => assert.deepEqual(await ask(caller, operation, call()), { ok: false, denial: refusal }),
  );
});

test('given nobody who serves it, it is an error of its own, at once', async () => {
  const started = performance.now();
  await assert.rejects(
    ask(caller, operation, call(), { timeout_ms: 30_000 }),
    (error) => error instanceof ServiceUnavailable && error.reason === 'no_responders',
  );
  assert.ok(performance.now() - started < 5_000);
});

test('given an owner that is too slow, the deadline holds, and the owner knew it', async () => {
  let remaining = 0;
  const gate = Promise.withResolvers<void>();
  await answered(
    async (_call, context) => {
      remaining = context.remaining_ms();
      await gate.promise;
      return reply(200, null);
    },
    async () => {
      await assert.rejects(
        ask(caller, operation, call(), { timeout_ms: 2_000 }),
        (error) => error instanceof ServiceUnavailable && error.reason === 'timeout',
      );
      assert.ok(remaining > 0 && remaining <= 2_000);
      gate.resolve();
    },
  );
});

test('given a handler that throws, the answer is INTERNAL_ERROR and the log has no body', async () => {
  const lines: string[] = [];
  const log: Log = { ...silent, error: (fields, message) => void lines.push(JSON.stringify({ ...fields, message })) };
  await answered(
    async () => {
      throw Object.assign(new Error('broken'), { body: 'planted-secret' });
    },
    async () => {
      const answer = await ask(caller, operation, call('planted-secret'));
      assert.ok(!answer.ok && answer.denial.code === 'INTERNAL_ERROR');
      assert.ok(!JSON.stringify(answer).includes('broken'));
    },
    log,
  );
  assert.match(lines.join('\n'), /broken.*req_1|req_1.*broken/);
  assert.ok(!lines.join('\n').includes('planted-secret'));
});

test('given a ledger that cannot be reached, the answer is AUDIT_UNAVAILABLE', async () => {
  await answered(
    async () => {
      throw new LedgerUnavailable('no ledger');
    },
    async () => {
      const answer = await ask(caller, operation, call());
      assert.ok(!answer.ok && answer.denial.code === 'AUDIT_UNAVAILABLE');
    },
  );
});

test('given an outage of what the service reads from, the answer says when to come back', async () => {
  await answered(
    async () => {
      throw new Error('no database');
    },
    async () => {
      const answer = await ask(caller, operation, call());
      assert.ok(!answer.ok && answer.denial.code === 'READ_MODEL_BEHIND' && answer.denial.retry_after === 1);
    },
  );
});

test('given bytes that are no call, the answer is INVALID_REQUEST', async () => {
  await answered(
    async () => reply(200, null),
    async () => {
      for (const bytes of ['', 'null', '[]', '{"operation":1}', '{']) {
        const answer = await question(caller, 'passports', 'op.passports.passport.resolve', bytes, { timeout_ms: 5_000 });
        assert.equal(answer?.json<{ denial: { code: string } }>().denial.code, 'INVALID_REQUEST');
      }
    },
  );
});

test('given an answer of several megabytes, it arrives whole in chunks', async () => {
  const text = 'é'.repeat(2_000_000);
  await answered(
    async () => reply(200, { text }),
    async () => {
      const answer = await ask(caller, operation, call());
      assert.ok(answer.ok);
      assert.deepEqual(answer.reply.body, { text });
    },
  );
});

test('given a stream, its bytes arrive in order with the head before them', async () => {
  await answered(
    async () => ({ ...reply(200, null, { headers: { 'Content-Type': 'application/x-ndjson' } }), stream: pieces(100, 70_001) }),
    async () => {
      const answer = await ask(caller, operation, call());
      assert.ok(answer.ok && answer.stream);
      assert.equal(answer.reply.headers?.['Content-Type'], 'application/x-ndjson');
      const got: Uint8Array[] = [];
      for await (const bytes of answer.stream) got.push(bytes);
      const sent: Uint8Array[] = [];
      for await (const bytes of pieces(100, 70_001)) sent.push(bytes);
      assert.ok(Buffer.concat(got).equals(Buffer.concat(sent)));
    },
  );
});

test('given a reader that is slow, no more than its credit is sent ahead', async () => {
  let made = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for (; made < 100; made++) yield Buffer.alloc(1_000);
  }
  await answered(
    async () => ({ ...reply(200, null), stream: counted() }),
    async () => {
      const answer = await ask(caller, operation, call());
      assert.ok(answer.ok && answer.stream);
      const reader = answer.stream[Symbol.asyncIterator]();
      await reader.next();
      await caller.nc.flush();
      await owner.nc.flush();
      assert.ok(made <= 10, `${made} made`);
      await reader.return?.();
    },
  );
});

test('given a reader that stops, the source is closed', async () => {
  let closed = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(1_000);
    } finally {
      closed = true;
    }
  }
  await answered(
    async () => ({ ...reply(200, null), stream: endless() }),
    async () => {
      const answer = await ask(caller, operation, call());
      assert.ok(answer.ok && answer.stream);
      for await (const bytes of answer.stream) if (bytes.length > 0) break;
      await eventually(() => closed);
    },
  );
});

test('given a source that fails midway, the reader fails too', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(10);
    throw new Error('disk');
  }
  await answered(
    async () => ({ ...reply(200, null), stream: failing() }),
    async () => {
      const answer = await ask(caller, operation, call());
      assert.ok(answer.ok && answer.stream);
      const { stream } = answer;
      await assert.rejects(Array.fromAsync(stream), (error) => error instanceof ServiceUnavailable && error.reason === 'broken_stream');
    },
  );
});

test('given several processes of a service, each call is answered once', async () => {
  const second = await nats.bus('passports');
  let calls = 0;
  const handler: Handler = async () => {
    calls++;
    return reply(200, null);
  };
  const serving = serve(second, 'passports', { 'passport.resolve': handler }, { log: silent });
  await second.nc.flush();
  await answered(handler, async () => {
    await Promise.all(Array.from({ length: 20 }, () => ask(caller, operation, call())));
    assert.equal(calls, 20);
  });
  await serving.stop();
});

/** Resolves when all that the asker has said by now is known to the owner, and what the owner said before has passed its proxy. */
type Told = () => Promise<void>;

/** A served operation, and who asks it, each over a connection that the test can break at a chosen byte. */
async function overProxies(work: (owner: Proxy, asker: Proxy, asked: () => Promise<unknown>, told: Told) => Promise<void>): Promise<void> {
  const [ownersWay, askersWay] = [await startProxy(nats.port), await startProxy(nats.port)];
  const [owner, asker] = [await nats.bus('passports', ownersWay.port), await nats.bus('gateway', askersWay.port)];
  let handled = 0;
  const handler: Handler = async () => reply(200, `answer ${++handled}`);
  const serving = serve(owner, 'passports', { 'passport.resolve': handler }, { log: silent });
  try {
    await owner.nc.flush();
    assert.ok((await ask(asker, operation, call(), { timeout_ms: 5_000 })).ok);
    const begun = performance.now();
    const told: Told = async () => {
      await asker.nc.flush();
      await owner.nc.flush();
    };
    await work(ownersWay, askersWay, () => ask(asker, operation, call(), { timeout_ms: 10_000 }), told);
    assert.equal(handled, 2, 'the question was handled once');
    // Well before the asker's own ten seconds are over.
    assert.ok(performance.now() - begun < 8_000);
  } finally {
    await serving.stop();
    await Promise.all([owner, asker].map((bus) => bus.close()));
    await Promise.all([ownersWay, askersWay].map((way) => way.close()));
  }
}
const SECOND = { ok: true, reply: { status: 200, body: 'answer 2' } };

test('given an answer that was under way on the connection that broke, it is given again', () =>
  overProxies(async (owner, _asker, asked) => {
    owner.onUp = (text) => {
      if (!text.includes('answer 2')) return 'pass';
      owner.onUp = () => 'pass';
      return 'cut';
    };
    assert.deepEqual(await asked(), SECOND);
  }));

test('given an asker whose connection broke after it had asked, the answer finds it on its new one', () =>
  overProxies(async (_owner, asker, asked) => {
    asker.onUp = (text) => {
      if (!text.includes('op.passports.')) return 'pass';
      asker.onUp = () => 'pass';
      return 'swallow';
    };
    assert.deepEqual(await asked(), SECOND);
  }));

test('given an answer that was heard, it is not given again', () =>
  overProxies(async (owner, _asker, asked, told) => {
    let given = 0;
    owner.onUp = (text) => {
      if (text.includes('PUB late.')) given++;
      return 'pass';
    };
    assert.deepEqual(await asked(), SECOND);
    await told();
    const sofar = given;
    // Twice as long as an owner waits for the word that it was heard.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.equal(given, sofar);
  }));

test('given a question that wants its answer elsewhere, nobody looks at it and nothing is written there', async () => {
  let calls = 0;
  const subject = operationSubject('passports', 'passport.resolve');
  const elsewhere = ['ledger.3.op_1.member.x', '$JS.API.STREAM.DELETE.LEDGER', 'cut.op_1', 'late.vault.gateway.x.1', undefined];
  await answered(
    async () => {
      calls++;
      return reply(200, 'x'.repeat(600_000));
    },
    async () => {
      for (const to of elsewhere) caller.nc.publish(subject, JSON.stringify(call()), to === undefined ? {} : { reply: to });
      // Behind them on the same connection.
      assert.ok((await ask(caller, operation, call())).ok);
      assert.equal(calls, 1);
    },
  );
  assert.equal(await getMessage(owner, LEDGER, { last_by_subj: 'ledger.3.op_1.member.x' }), null);
});

test('given another service that guesses where an answer is awaited, it is not heard', async () => {
  const other = await nats.bus('vault');
  const heard: string[] = [];
  const expected = askersOf(caller).expect('passports', (message) => heard.push(message.string()));
  await caller.nc.flush();
  other.nc.publish(expected.subject.replace('late.passports', 'late.vault'), 'forged');
  other.nc.publish(expected.subject, 'forbidden');
  await other.nc.flush();
  owner.nc.publish(expected.subject, 'genuine');
  await eventually(() => heard.length > 0);
  assert.deepEqual(heard, ['genuine']);
  expected.forget();
});

// Last: the other connections of this file lose the server too.
for (const what of ['cut', 'killed'] as const) {
  test(`given an owner whose connection is ${what} while it answers, the answer comes when it is connected again`, async () => {
    const proxy = await startProxy(nats.port);
    const far = await nats.bus('passports', proxy.port);
    const broke = Promise.withResolvers<void>();
    const serving = serve(
      far,
      'passports',
      {
        'passport.resolve': async () => {
          if (what === 'cut') proxy.cutAll();
          else {
            await nats.kill();
            await nats.start();
          }
          await broke.promise;
          return reply(200, 'late');
        },
      },
      { log: silent },
    );
    await far.nc.flush();
    const status = far.nc.status()[Symbol.asyncIterator]();
    let connectedAt = Number.POSITIVE_INFINITY;
    void (async () => {
      for (let next = await status.next(); !next.done; next = await status.next()) {
        if (next.value.type === 'disconnect') broke.resolve();
        if (next.value.type === 'reconnect') connectedAt = performance.now();
      }
    })();
    try {
      const answer = await ask(caller, operation, call(), { timeout_ms: 30_000 });
      assert.deepEqual(answer, { ok: true, reply: { status: 200, body: 'late' } });
      assert.ok(performance.now() - connectedAt < 8_000);
    } finally {
      await serving.stop();
      await far.close();
      await proxy.close();
    }
  });
}
