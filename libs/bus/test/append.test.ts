import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { headers } from '@nats-io/nats-core';
import { readLedger, streamInfo } from '../src/api.ts';
import { append, type Message } from '../src/append.ts';
import type { Bus } from '../src/connect.ts';
import { LedgerUnavailable } from '../src/errors.ts';
import { forgetIds } from './support/dedupe.ts';
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

let ids = 0;
const on = (subject: string, expect?: number): Message => ({
  subject: `ledger.1.${subject}`,
  facts: [fact('thing.happened')],
  id: `m${++ids}`,
  ...(expect !== undefined && { expect }),
});
const last = async (): Promise<number> => (await streamInfo(bus)).state.last_seq;
const seqOf = async (subject: string): Promise<number> => (await readLedger(bus, { last_by_subj: `ledger.1.${subject}` }))?.seq ?? 0;

/** Lets the first chunk that matches meet `verdict`, and everything after it pass. */
function once(pattern: RegExp, verdict: 'cut' | 'swallow'): () => boolean {
  let met = false;
  proxy.onUp = (text) => {
    if (met || !pattern.test(text)) return 'pass';
    met = true;
    return verdict;
  };
  return () => met;
}

test('given an expectation that holds, a message is stored; given the same one again, it is a conflict', async () => {
  const stored = await append(bus, [on('a', 0)]);
  assert.ok('seq' in stored);
  assert.deepEqual(await append(bus, [on('a', 0)]), { conflict: 'ledger.1.a' });
  assert.ok('seq' in (await append(bus, [on('a', stored.seq)])));
});

test('given a stored message that is appended again under its id, the first one counts and nothing is added', async () => {
  const message = on('twice', 0);
  const first = await append(bus, [message]);
  const end = await last();
  const second = await append(bus, [message]);
  assert.ok('seq' in first && 'seq' in second);
  assert.equal(second.seq, first.seq);
  assert.equal(await last(), end);
});

test('the server checks the expectation before the id: a stored message that is sent again looks like a conflict', async () => {
  const message = on('order', 0);
  await append(bus, [message]);
  const fields = headers();
  fields.set('Nats-Msg-Id', message.id);
  fields.set('Nats-Expected-Last-Subject-Sequence', '0');
  const answer = await bus.nc.request(message.subject, '[]', { headers: fields, timeout: 5_000 });
  assert.equal(answer.json<{ error: { err_code: number } }>().error.err_code, 10071);
});

test('given no expectation, a message that is appended again under its id is stored once', async () => {
  const message = on('free');
  const first = await append(bus, [message]);
  assert.deepEqual(await append(bus, [message]), first);
});

test('given a server that has forgotten the id, a stored message that is sent again is recognised and stored once', async () => {
  const message = on('forgotten', 0);
  const first = await append(bus, [message]);
  await forgetIds(bus);
  const again = await append(bus, [message]);
  assert.ok('seq' in first && 'seq' in again);
  assert.equal(again.seq, first.seq);
  assert.equal(await seqOf('forgotten'), first.seq);
});

test('given a batch, all its messages get consecutive sequences', async () => {
  const result = await append(bus, [on('b1', 0), on('b2'), on('b3', 0)]);
  assert.ok('seq' in result);
  assert.deepEqual(result.seqs, [await seqOf('b1'), await seqOf('b2'), await seqOf('b3')]);
  assert.equal(result.seq, result.seqs[2]);
});

for (const place of ['middle', 'end'] as const) {
  test(`given a false expectation in the ${place} of a batch, it is refused and nothing is stored`, async () => {
    await append(bus, [on(`${place}.taken`, 0)]);
    const end = await last();
    const wrong = on(`${place}.taken`, 0);
    const others = [on(`${place}.x`, 0), on(`${place}.y`, 0)];
    const batch = place === 'end' ? [...others, wrong] : [others[0] ?? wrong, wrong, others[1] ?? wrong];
    assert.deepEqual(await append(bus, batch), { conflict: `ledger.1.${place}.taken` });
    assert.equal(await last(), end);
    assert.equal(await seqOf(`${place}.x`), 0);
  });
}

test('given an expectation about another subject, it is checked there', async () => {
  const guard = await append(bus, [on('guard', 0)]);
  assert.ok('seq' in guard);
  const guarded = (expect: number, subject: string): Message[] => [
    on(`${subject}.1`, 0),
    { ...on(`${subject}.2`), expect, expect_subject: 'ledger.1.guard' },
  ];
  assert.deepEqual(await append(bus, guarded(0, 'refused')), { conflict: 'ledger.1.guard' });
  assert.ok('seq' in (await append(bus, guarded(guard.seq, 'passed'))));
});

test('given a batch whose first message expects nothing, it is not even sent', async () => {
  await assert.rejects(append(bus, [on('c1'), on('c2', 0)]), RangeError);
});

for (const { what, make } of [
  { what: 'single message', make: (name: string): Message[] => [on(`${name}.1`, 0)] },
  { what: 'batch', make: (name: string): Message[] => [on(`${name}.1`, 0), on(`${name}.2`), on(`${name}.3`, 0)] },
]) {
  test(`given a connection that breaks before a ${what} arrives, it is sent again and stored once`, async () => {
    const name = `before-${what.split(' ')[0]}`;
    const messages = make(name);
    const end = await last();
    const met = once(new RegExp(`HPUB ledger\\.1\\.${name}\\.1`), 'cut');
    const result = await append(far, messages);
    assert.ok(met());
    assert.ok('seq' in result);
    assert.equal(await last(), end + messages.length);
  });

  test(`given a connection that breaks after a ${what} was stored, the write is recognised as ours`, async () => {
    const name = `after-${what.split(' ')[0]}`;
    const messages = make(name);
    const end = await last();
    const met = once(new RegExp(`HPUB ledger\\.1\\.${name}\\.1`), 'swallow');
    const result = await append(far, messages);
    assert.ok(met());
    assert.ok('seq' in result);
    assert.equal(result.seq, end + messages.length);
    assert.equal(typeof result.ts_ms, 'number');
    assert.equal(await last(), end + messages.length);
  });

  test(`given a ${what} that is lost while another decider writes, it is a conflict and never stored`, async () => {
    const name = `lost-${what.split(' ')[0]}`;
    const messages = make(name);
    const met = once(new RegExp(`HPUB ledger\\.1\\.${name}\\.1`), 'cut');
    const ours = append(far, messages);
    const other = await append(bus, [on(`${name}.1`, 0)]);
    assert.ok('seq' in other);
    assert.deepEqual(await ours, { conflict: `ledger.1.${name}.1` });
    assert.ok(met());
    assert.equal(await seqOf(`${name}.1`), other.seq);
    assert.equal(await seqOf(`${name}.3`), 0);
  });
}

test('given a server that does not answer, it gives up at the deadline', async () => {
  proxy.onUp = () => 'pass';
  proxy.pause();
  await assert.rejects(append(far, [on('silent', 0)], { deadline_ms: 700, attempt_ms: 200 }), LedgerUnavailable);
  proxy.resume();
});
