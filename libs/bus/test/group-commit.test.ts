import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { parseFacts, readLedger, type StoredMessage, streamInfo } from '../src/api.ts';
import type { Bus } from '../src/connect.ts';
import { LedgerUnavailable } from '../src/errors.ts';
import { createGroupCommit, ENTRIES_HEADER, MAX_CALLS, MAX_HEADER_BYTES } from '../src/group-commit.ts';
import { forgetIds } from './support/dedupe.ts';
import { eventually } from './support/eventually.ts';
import { fact } from './support/facts.ts';
import { type Nats, startNats } from './support/nats.ts';
import { type Proxy, startProxy } from './support/proxy.ts';

let nats: Nats;
let bus: Bus;
let proxy: Proxy;
let far: Bus;

before(async () => {
  nats = await startNats();
  bus = await nats.bus();
  proxy = await startProxy(nats.port);
  far = await nats.bus('root', proxy.port);
});

after(async () => {
  await nats?.stop();
  await proxy?.close();
});

async function stored(subject: string): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  for (let seq = 1; ; ) {
    const message = await readLedger(bus, { next_by_subj: subject, seq });
    if (!message) return messages;
    messages.push(message);
    seq = message.seq + 1;
  }
}

function entriesOf(message: StoredMessage): string[] {
  const bytes = Buffer.from(message.header(ENTRIES_HEADER) ?? '', 'base64');
  const entries: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt16BE(at);
    entries.push(bytes.subarray(at + 2, at + 2 + length).toString());
    at += 2 + length;
  }
  return entries;
}

const entry = (text: string): Uint8Array => Buffer.from(text);

test('given calls that arrive while one is in flight, they share the next message, in order, each entry with its fact', async () => {
  const commit = createGroupCommit(bus, { boot: 'bt_a' });
  const facts: Fact[] = Array.from({ length: 50 }, (_, index) => fact('call.attempted', { index }));
  const first = commit.submit(3, facts[0] ?? fact('x'), entry('e0'));
  await Promise.resolve();
  await Promise.resolve();
  const rest = facts.slice(1).map((one, index) => commit.submit(3, one, entry(`e${index + 1}`)));
  const places = await Promise.all([first, ...rest]);
  const messages = await stored('ledger.3.calls.bt_a');
  assert.equal(messages.length, 2);
  assert.deepEqual(
    messages.flatMap((message) => parseFacts(message.data)),
    facts,
  );
  assert.deepEqual(
    messages.flatMap(entriesOf),
    facts.map((_, index) => `e${index}`),
  );
  assert.deepEqual(
    places,
    messages.flatMap(({ seq, data }) => parseFacts(data).map((_, index) => ({ seq, index }))),
  );
  assert.equal(commit.pending(), 0);
});

test('given more calls than a message holds, the rest goes into the next', async () => {
  const commit = createGroupCommit(bus, { boot: 'bt_b' });
  await Promise.all(Array.from({ length: MAX_CALLS + 10 }, () => commit.submit(0, fact('call.attempted'), entry('e'))));
  assert.deepEqual(
    (await stored('ledger.0.calls.bt_b')).map((message) => parseFacts(message.data).length),
    [MAX_CALLS, 10],
  );
});

test('given long entries, no message has more headers than the server takes', async () => {
  const commit = createGroupCommit(bus, { boot: 'bt_c' });
  await Promise.all(Array.from({ length: 100 }, () => commit.submit(0, fact('call.attempted'), Buffer.alloc(900, 1))));
  const messages = await stored('ledger.0.calls.bt_c');
  assert.equal(
    messages.reduce((sum, message) => sum + entriesOf(message).length, 0),
    100,
  );
  for (const message of messages) assert.ok((message.header(ENTRIES_HEADER) ?? '').length <= MAX_HEADER_BYTES);
  assert.ok(messages.length >= 3);
});

test('given long facts, no message is over its size', async () => {
  const commit = createGroupCommit(bus, { boot: 'bt_d' });
  await Promise.all(Array.from({ length: 9 }, () => commit.submit(0, fact('call.attempted', { text: 'x'.repeat(100_000) }), entry('e'))));
  assert.deepEqual(
    (await stored('ledger.0.calls.bt_d')).map((message) => parseFacts(message.data).length),
    [5, 4],
  );
});

test('given partitions, each has its own order and none waits for another', async () => {
  const commit = createGroupCommit(bus, { boot: 'bt_e' });
  await Promise.all([0, 1, 15].map((partition) => commit.submit(partition, fact('call.attempted'), entry('e'))));
  for (const partition of [0, 1, 15]) assert.equal((await stored(`ledger.${partition}.calls.bt_e`)).length, 1);
});

test('given an acknowledgement that is lost, the message is stored once and the call released', async () => {
  let met = false;
  proxy.onUp = (text) => {
    if (met || !text.includes('HPUB ledger.5.calls.bt_f')) return 'pass';
    met = true;
    return 'swallow';
  };
  const commit = createGroupCommit(far, { boot: 'bt_f' });
  const place = await commit.submit(5, fact('call.attempted'), entry('e'));
  assert.ok(met);
  assert.deepEqual(
    (await stored('ledger.5.calls.bt_f')).map(({ seq }) => seq),
    [place.seq],
  );
});

test('given a ledger that cannot be reached, calls are refused in time and later ones pass again', async () => {
  const commit = createGroupCommit(far, { boot: 'bt_g', deadline_ms: 300, attempt_ms: 100 });
  proxy.pause();
  await assert.rejects(commit.submit(0, fact('call.attempted'), entry('e')), LedgerUnavailable);
  proxy.resume();
  const place = await eventually(() => commit.submit(0, fact('call.completed'), entry('f')));
  assert.ok(place.seq > 0);
});

test('given a fact that must not be lost and an acknowledgement that stays away for longer than its deadline, it is stored once', async () => {
  const swallowed: string[] = [];
  proxy.onUp = (text) => {
    if (!text.includes('HPUB ledger.6.calls.bt_k') || swallowed.length >= 4) return 'pass';
    swallowed.push(text);
    return 'swallow';
  };
  const commit = createGroupCommit(far, { boot: 'bt_k', deadline_ms: 300, attempt_ms: 100 });
  const told: string[] = [];
  const put = (name: string, keep: boolean): void =>
    commit.put(
      6,
      fact(name),
      entry(name),
      () => told.push(`${name} stored`),
      () => told.push(`${name} lost`),
      { keep },
    );
  put('call.completed', true);
  await eventually(() => swallowed.length > 0);
  put('call.attempted', false);
  put('call.denied', true);
  await eventually(() => told.length === 3);
  assert.deepEqual(told.sort(), ['call.attempted lost', 'call.completed lost', 'call.denied lost']);
  await eventually(() => commit.kept() === 0);
  const facts = (await stored('ledger.6.calls.bt_k')).flatMap(({ data }) => parseFacts(data));
  assert.deepEqual(
    facts.map(({ type }) => type),
    ['call.completed', 'call.denied'],
  );
  assert.equal(commit.pending(), 0);
});

for (const keep of [true, false]) {
  test(`given a server that has forgotten the id of a stored message, a copy that arrives late ${keep ? '' : 'and was given up '}is not stored`, async () => {
    const boot = keep ? 'bt_m' : 'bt_n';
    const publishes: string[] = [];
    proxy.onUp = (text) => {
      if (!text.includes(`HPUB ledger.7.calls.${boot}`)) return 'pass';
      publishes.push(text);
      return publishes.length === 1 ? 'swallow' : 'pass';
    };
    const commit = createGroupCommit(far, { boot, deadline_ms: keep ? 10_000 : 300, attempt_ms: 300 });
    const told: number[] = [];
    commit.put(
      7,
      fact('call.completed'),
      entry('e'),
      (seq) => told.push(seq),
      () => told.push(0),
      { keep },
    );
    await eventually(async () => (await stored(`ledger.7.calls.${boot}`)).length === 1);
    const [first] = await stored(`ledger.7.calls.${boot}`);
    await forgetIds(bus);
    await eventually(() => told.length === 1);
    assert.deepEqual(told, [keep ? first?.seq : 0]);
    const copy = publishes[0] ?? '';
    await resend(copy.slice(copy.indexOf('HPUB')));
    const next = await eventually(() => commit.submit(7, fact('call.denied'), entry('f')));
    const all = await stored(`ledger.7.calls.${boot}`);
    // A later record that was given up may have landed as well; the copy may not.
    assert.deepEqual([all[0]?.seq, all.at(-1)?.seq], [first?.seq, next.seq]);
    assert.equal(all.flatMap(({ data }) => parseFacts(data)).filter(({ type }) => type === 'call.completed').length, 1);
  });
}

/** The very bytes of a publish once more, as a client does that could not send them earlier; resolves when the server has seen them. */
async function resend(publish: string): Promise<void> {
  const socket = connect(nats.port, '127.0.0.1');
  socket.on('error', () => undefined);
  let heard = '';
  socket.on('data', (data) => {
    heard += data.toString('latin1');
  });
  socket.write('CONNECT {"verbose":false,"headers":true,"protocol":1,"user":"root","pass":"root"}\r\n');
  socket.write(Buffer.from(publish, 'latin1'));
  socket.write('PING\r\n');
  await eventually(() => heard.includes('PONG'));
  socket.destroy();
}

test('given too many waiting facts, further ones are refused at once', async () => {
  const commit = createGroupCommit(bus, { boot: 'bt_h', max_waiting: 2 });
  const submitted = [1, 2, 3].map(() => commit.submit(0, fact('call.attempted'), entry('e')));
  const settled = await Promise.allSettled(submitted);
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  );
});

test('given a fact that fits no message, it is a defect of the caller', async () => {
  const commit = createGroupCommit(bus, { boot: 'bt_i' });
  const { last_seq } = (await streamInfo(bus)).state;
  await assert.rejects(commit.submit(0, fact('call.attempted', { text: 'x'.repeat(600_000) }), entry('e')), RangeError);
  await assert.rejects(commit.submit(0, fact('call.attempted'), Buffer.alloc(60_000)), RangeError);
  assert.equal((await streamInfo(bus)).state.last_seq, last_seq);
});
