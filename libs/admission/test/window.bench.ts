/**
 * Memory and time of a full window: `node --expose-gc libs/admission/test/window.bench.ts [entries]`. 1,000 passports, each in a mission of its own with a cap;
 * calls with an operation id and a single-use token, each followed by its closing, over three minutes of stream time. Decoding is included, as at a start.
 */
import { hash12 } from '@sallyport/contracts/target.ts';
import { createAdmission } from '../src/admit.ts';
import { type AttemptEntry, encodeEntry, type Hash, hashOf } from '../src/entry.ts';
import { decodeEntries, joinEntries } from '../src/header.ts';

const ENTRIES = Number(process.argv[2] ?? 360_000);
const PASSPORTS = 1_000;
const WINDOW_MS = 180_000;
const PER_MESSAGE = 20;
const BEGAN = 1_800_000_000_000;

const h = (text: string): Hash => hashOf(hash12(text));
const passports = Array.from({ length: PASSPORTS }, (_, i) => ({
  operator: h('operator'),
  session: h(`session:${i}`),
  jti: h(`jti:${i}`),
  chain: [{ line: h(`line:${i}`), agent: h(`agent:${i}`) }],
  missions: [h(`mission:${i}`)],
  connection: h('connection'),
  grant: h(`grant:${i}`),
  service: h('github'),
}));

function attempt(number: number, tsMs: number, seq: number): AttemptEntry {
  const passport = passports[number % PASSPORTS];
  if (!passport) throw new Error('no passport');
  return {
    kind: 'attempt',
    id: h(`attempt:${number}`),
    ...passport,
    operation: { id: h(`operation:${number}`), digest: h(`digest:${number}`) },
    jwt: h(`jwt:${number}`),
    caps: [{ mission: 0, kind: 'actions', limit: 1_000_000, behaviour: 'deny' }],
    until: tsMs + 500,
    checked: seq - 1,
  };
}

/** Headers as they come from the log, made a second at a time so that the log itself takes no memory. */
function* headers(): Generator<{ seq: number; ts_ms: number; header: string }> {
  const messages = Math.ceil(ENTRIES / PER_MESSAGE);
  for (let seq = 1; seq <= messages; seq++) {
    const ts_ms = BEGAN + Math.floor((seq * WINDOW_MS) / messages);
    const first = ((seq - 1) * PER_MESSAGE) / 2;
    const calls = Array.from({ length: PER_MESSAGE / 2 }, (_, i) => attempt(first + i, ts_ms, seq));
    const closings = calls.map(({ id }) => encodeEntry({ kind: 'closing', attempt: id, sent: true, outcome: 'success' }));
    yield { seq, ts_ms, header: joinEntries([...calls.map(encodeEntry), ...closings]) };
  }
}

const mb = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
const memory = (): { rss: number; heap: number; buffers: number } => {
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { rss, heap: heapUsed, buffers: arrayBuffers };
};

function measure(title: string, judged: boolean): void {
  const admission = createAdmission({ window_ms: WINDOW_MS });
  const before = memory();
  if (judged) for (const { missions } of passports) admission.judges(missions[0] ?? '', 1);
  let spent = 0;
  let entries = 0;
  const boot = h('boot');
  for (const { seq, ts_ms, header } of headers()) {
    const startedAt = performance.now();
    const at = { seq, index: 0, ts_ms, boot, partition: 0 };
    for (const entry of decodeEntries(header)) {
      admission.apply(entry, at);
      at.index++;
      entries++;
    }
    spent += performance.now() - startedAt;
  }
  const after = memory();
  console.log(`${title}: ${entries} entries, ${PASSPORTS} passports`);
  console.log(`  ${(spent / 1000).toFixed(2)} s, ${((spent * 1000) / entries).toFixed(2)} µs an entry, decoding included`);
  console.log(
    `  heap + ${mb(after.heap - before.heap)} MB, flat memory + ${mb(after.buffers - before.buffers)} MB, resident ${mb(after.rss)} MB`,
  );
  if (!judged) {
    const startedAt = performance.now();
    for (const { missions } of passports) admission.judges(missions[0] ?? '', 1);
    console.log(`  tables of all ${PASSPORTS} missions made from the window in ${(performance.now() - startedAt).toFixed(0)} ms`);
    console.log(`  heap + ${mb(memory().heap - before.heap)} MB, flat memory + ${mb(memory().buffers - before.buffers)} MB`);
  }
  console.log(`  ${JSON.stringify(admission.sizes())}`);
}

measure('kept only', false);
measure('judged from the beginning', true);
