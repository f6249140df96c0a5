/** The judge is judged: each thing that must never happen is put into an otherwise good story, and must be found. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { appendRow } from '@sallyport/audit-chain/chain.ts';
import type { Row, RowDraft } from '@sallyport/audit-chain/row.ts';
import { callDigest, check, type Evidence, type StoredFact } from './checker.ts';

const SERVICE_PACKAGES = /^@sallyport\/(gateway|passports|vault|audit|detectors)\//;
const operator_id = 'op_1';
const T0 = Date.parse('2026-06-01T09:00:00.000Z');
const digest = callDigest('GET', 'https://api.github.com/x', null);
const attempt: StoredFact = { id: 'evt_1', type: 'call.attempted', operator_id, data: { call_digest: digest, boot_id: 'b' } };
const closing: StoredFact = {
  id: 'evt_2',
  type: 'call.completed',
  operator_id,
  data: { attempt_id: 'evt_1', sent: true, outcome: 'success' },
};
const registered: StoredFact = { id: 'evt_3', type: 'agent.registered', operator_id, data: { agent: { id: 'agt_1', name: 'one' } } };

function row(previous: Row | null, fact: StoredFact, stream_seq: number): Row {
  const draft: RowDraft = {
    entry_id: fact.id.replace('evt', 'aud'),
    trace_id: null,
    span_id: null,
    parent_span_id: null,
    operator_id,
    agent_id: null,
    passport_jti: null,
    layer: 'proxy',
    action: 'x',
    outcome: 'success',
    duration_ms: null,
    payload_hash: null,
    error_code: null,
    error_message: null,
    stream_seq,
    w3c_trace_id: null,
    recorded_at: `2026-06-01T09:00:0${stream_seq}.000000Z`,
    session_id: null,
    actor: null,
    service: null,
    connection_id: null,
    http: null,
    approval_id: null,
    attempt_entry_id: null,
    metadata: {},
  };
  return appendRow(previous, draft);
}

function good(): Evidence & { messages: Evidence['messages'][number][]; rows: Row[]; upstream: Evidence['upstream'][number][] } {
  const facts = [attempt, closing, registered];
  const rows: Row[] = [];
  for (const [index, fact] of facts.entries()) rows.push(row(rows.at(-1) ?? null, fact, index + 1));
  const called = { gateway: 0, started_ms: 0, elapsed_ms: 1, code: null, reason: null, said: null };
  return {
    messages: facts.map((fact, index) => ({ seq: index + 1, subject: 's', ts_ms: T0 + 1_000 * (index + 1), facts: [{ ...fact }] })),
    rows,
    upstream: [{ digest, marker: 'x', at_ms: T0 + 1_000 }],
    calls: [
      { ...called, digest, status: 200, attempt_entry_id: 'aud_1', entry_id: 'aud_2' },
      { ...called, digest: 'refused', status: 503, attempt_entry_id: null, entry_id: null },
    ],
    commands: [{ type: 'agent.registered', name: 'one', id: 'agt_1' }],
    injected: [{ what: 'SIGKILL gateway', at_ms: T0 + 1_500 }],
  };
}

test('given a good story, nothing is found', () => {
  assert.deepEqual(check(good()).findings, []);
});

type Story = ReturnType<typeof good>;
const message = (story: Story, index: number): Story['messages'][number] => story.messages[index] ?? assert.fail();
const wrongs: { name: string; rule: string; spoil: (story: Story) => Partial<Evidence> }[] = [
  {
    name: 'a call before its record',
    rule: 'every upstream call has its earlier record',
    spoil: () => ({ upstream: [{ digest, marker: 'x', at_ms: T0 + 999 }] }),
  },
  {
    name: 'a call without record',
    rule: 'every upstream call has its earlier record',
    spoil: () => ({ upstream: [{ digest: 'other', marker: 'x', at_ms: T0 + 9_999 }] }),
  },
  { name: 'a call that went twice', rule: 'no call went twice', spoil: ({ upstream }) => ({ upstream: [...upstream, ...upstream] }) },
  {
    name: 'an open attempt',
    rule: 'every attempt is closed',
    spoil: (story) => ({ messages: [message(story, 0), { ...message(story, 1), facts: [] }, message(story, 2)] }),
  },
  {
    name: 'a closing too long after a kill, however soon after a later one',
    rule: 'what a fault left open is closed within 90 s of it',
    spoil: (story) => ({
      messages: [message(story, 0), { ...message(story, 1), ts_ms: T0 + 91_501 }, message(story, 2)],
      injected: [...story.injected, { what: 'SIGKILL nats', at_ms: T0 + 60_000 }],
    }),
  },
  {
    name: 'a lost command',
    rule: 'every acknowledged command is there',
    spoil: (story) => ({ messages: [message(story, 0), message(story, 1), { ...message(story, 2), facts: [] }] }),
  },
  {
    name: 'a command that took effect twice',
    rule: 'no command took effect twice',
    spoil: (story) => ({
      messages: [
        ...story.messages,
        { seq: 4, subject: 's', ts_ms: T0 + 4_000, facts: [{ ...registered, id: 'evt_4', data: { agent: { id: 'agt_2', name: 'one' } } }] },
      ],
    }),
  },
  {
    name: 'a fact that stands twice',
    rule: 'no fact stands twice',
    spoil: (story) => ({ messages: [...story.messages, { ...message(story, 2), seq: 4 }] }),
  },
  {
    name: 'a hole in the stream',
    rule: 'the stream has no gap',
    spoil: (story) => ({ messages: story.messages.map((one) => ({ ...one, seq: one.seq * 2 })) }),
  },
  { name: 'a row twice', rule: 'no row twice', spoil: ({ rows }) => ({ rows: [...rows, ...rows.slice(2)] }) },
  { name: 'a missing row', rule: 'every fact has its row', spoil: ({ rows }) => ({ rows: rows.slice(0, 2) }) },
  {
    name: 'a row without fact',
    rule: 'every row has its fact',
    spoil: ({ rows }) => ({ rows: [...rows, row(rows.at(-1) ?? null, { ...registered, id: 'evt_9' }, 3)] }),
  },
  {
    name: 'an edited row',
    rule: 'seq has no gap and the chain verifies',
    spoil: ({ rows }) => ({ rows: rows.map((one) => ({ ...one, outcome: 'failure' as const })) }),
  },
  {
    name: 'a gap in seq',
    rule: 'seq has no gap and the chain verifies',
    spoil: ({ rows }) => ({ rows: [rows[0], rows[2]].filter((one) => one !== undefined) }),
  },
  {
    name: 'a call that went and is closed as refused',
    rule: 'what went is not closed as refused',
    spoil: (story) => ({
      messages: [message(story, 0), { ...message(story, 1), facts: [{ ...closing, type: 'call.denied' }] }, message(story, 2)],
    }),
  },
  { name: 'an answer out of nothing', rule: 'an answered call went', spoil: () => ({ upstream: [] }) },
  {
    name: 'a refused call that went',
    rule: 'a refused call did not go',
    spoil: ({ calls }) => ({ calls: calls.map((call) => ({ ...call, status: 503 })) }),
  },
  {
    name: 'a refusal for nothing',
    rule: 'no call is refused for nothing',
    spoil: ({ calls }) => ({ calls: calls.map((call) => ({ ...call, status: 404 })) }),
  },
  {
    name: 'two records that may both have let a call go',
    rule: 'one record at most lets a call go',
    spoil: (story) => ({
      messages: [
        ...story.messages,
        { seq: 4, subject: 's', ts_ms: T0 + 4_000, facts: [{ ...attempt, id: 'evt_4' }] },
        {
          seq: 5,
          subject: 's',
          ts_ms: T0 + 5_000,
          facts: [{ ...closing, id: 'evt_5', data: { attempt_id: 'evt_4', outcome: 'unknown' } }],
        },
      ],
    }),
  },
  { name: 'an answer of an upstream that heard nothing', rule: 'what is closed as answered went', spoil: () => ({ upstream: [] }) },
  {
    name: 'an answer that names the record of another call',
    rule: 'an answered call is on record',
    spoil: ({ calls }) => ({ calls: calls.map((call) => ({ ...call, attempt_entry_id: 'aud_3' })) }),
  },
  {
    name: 'an answer that names a closing which does not count',
    rule: 'the closing that was answered stands',
    spoil: ({ calls }) => ({ calls: calls.map((call) => ({ ...call, entry_id: 'aud_9' })) }),
  },
  {
    name: 'a row that names another place in the log',
    rule: 'a row names the place of its fact',
    spoil: (story) => ({ messages: story.messages.map((one) => ({ ...one, seq: one.seq + 1 })) }),
  },
  {
    name: 'a row with a time of its own',
    rule: "a row's time is the stream's",
    spoil: (story) => ({ messages: story.messages.map((one) => ({ ...one, ts_ms: one.ts_ms + 5 })) }),
  },
  {
    name: 'rows in another order than that of the log',
    rule: 'rows stand in the order of the log',
    spoil: () => {
      const first = row(null, closing, 2);
      return { rows: [first, row(first, attempt, 1)] };
    },
  },
];

test('each thing that is checked has a story here in which it is found', () => {
  assert.deepEqual(Object.keys(check(good()).checks).sort(), [...new Set(wrongs.map(({ rule }) => rule))].sort());
});

test('the judge and its evidence share nothing with the services', async () => {
  const reached = new Set<string>();
  const follow = async (file: URL): Promise<void> => {
    if (reached.has(file.href)) return;
    reached.add(file.href);
    const text = await readFile(file, 'utf8');
    for (const [, from = ''] of text.matchAll(/^(?:import|export) .*?from '([^']+)';/gms)) {
      assert.ok(!from.includes('services/') && !SERVICE_PACKAGES.test(from), `${file.pathname} imports ${from}`);
      if (from.startsWith('.')) await follow(new URL(from, file));
    }
  };
  for (const file of ['checker.ts', 'evidence.ts', 'upstream.ts', 'settle.ts']) await follow(new URL(file, import.meta.url));
  assert.ok(reached.size >= 4);
});

for (const { name, rule, spoil } of wrongs) {
  test(`given ${name}, it is found`, () => {
    const story = good();
    const { findings } = check({ ...story, ...spoil(story) });
    assert.ok(
      findings.some((finding) => finding.startsWith(`${rule}: `)),
      `found only: ${findings.join('; ')}`,
    );
  });
}
