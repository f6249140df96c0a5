import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Admission, createAdmission } from '../src/admit.ts';
import type { AttemptEntry } from '../src/entry.ts';
import type { Verdict } from '../src/verdict.ts';
import { FAMILIES, type LogItem, logs } from './support/log.ts';
import { referenceTable, referenceVerdicts } from './support/reference.ts';

const WINDOW_MS = 180_000;

function feed(instance: Admission, item: LogItem): Verdict | null {
  if (item.what === 'fence') {
    instance.fence(item.effect, item.targets, item.at);
    return null;
  }
  const verdict = instance.apply(item.entry, item.at);
  return item.entry.kind === 'attempt' || item.entry.kind === 'assertion' ? verdict : null;
}

const isUnknown = (verdict: Verdict | null): boolean => verdict !== null && !verdict.admitted && verdict.reason === 'unknown';

interface Said {
  given: number;
  unknown: number;
}

/** Every verdict that the instance gives is the reference's. `load` may give it tables before each item. */
function compare(
  log: readonly LogItem[],
  expected: readonly (Verdict | null)[],
  from: number,
  instance: Admission,
  load: (index: number) => void,
): Said {
  const said = { given: 0, unknown: 0 };
  for (let index = from; index < log.length; index++) {
    const item = log[index];
    if (!item) break;
    load(index);
    const verdict = feed(instance, item);
    if (isUnknown(verdict)) said.unknown++;
    else {
      if (verdict) said.given++;
      assert.deepEqual(verdict, expected[index], `item ${index} of an instance from ${from}`);
    }
  }
  return said;
}

/** Where a message begins. */
function messageStart(log: readonly LogItem[], near: number): number {
  let index = Math.min(near, log.length - 1);
  while (index > 0 && log[index]?.at.seq === log[index - 1]?.at.seq) index--;
  return index;
}

/** Which rule spoke, and about which link of the chain. */
function ruleOf(item: LogItem, verdict: Verdict): string {
  if (item.what !== 'entry') return '';
  const { entry } = item;
  if (verdict.admitted) return `${entry.kind} ${verdict.over_caps ? 'flagged' : 'admitted'}`;
  switch (verdict.reason) {
    case 'operation':
      return `operation ${verdict.operation.state}${entry.kind === 'attempt' && entry.operation?.digest !== verdict.operation.digest ? ' of another call' : ''}`;
    case 'cap': {
      const above = entry.kind === 'attempt' && entry.caps.some(({ mission, limit }) => mission > 0 && limit === verdict.limit);
      return `cap ${verdict.cap}${above ? ' of a mission above' : ''}`;
    }
    case 'revoked':
    case 'ended':
      return entry.kind === 'attempt' ? `${verdict.reason} ${placeOf(entry, verdict.target)}` : '';
    default:
      return `${entry.kind} ${verdict.reason}`;
  }
}

function placeOf({ chain, missions, ...entry }: AttemptEntry, target: string): string {
  const link = chain.findIndex(({ line, agent }) => line === target || agent === target);
  if (link >= 0) return link === 0 ? 'itself' : 'parent';
  if (missions.includes(target)) return missions[0] === target ? 'mission' : 'mission above';
  return (['operator', 'caller', 'session', 'jti', 'connection', 'grant'] as const).find((name) => entry[name] === target) ?? 'nothing';
}

const LIMITS = ['cap max_actions', 'cap max_actions of a mission above', 'cap max_actions_per_service'];
const STATES = ['running', 'running of another call', 'success', 'failure', 'unknown', 'denied'].map((state) => `operation ${state}`);
const DEAD = ['itself', 'parent', 'mission', 'mission above', 'operator', 'caller', 'session', 'jti', 'connection', 'grant'];
const REFUSED = ['late', 'boot_closed', 'jwt_replayed'];
const RULES = [
  ...['attempt admitted', 'attempt flagged', 'attempt given_up', 'attempt stale', 'attempt approval', 'assertion admitted'],
  ...REFUSED.flatMap((reason) => [`attempt ${reason}`, `assertion ${reason}`]),
  ...LIMITS,
  ...STATES,
  ...DEAD.flatMap((place) => [`revoked ${place}`, `ended ${place}`]),
];
const LEAST = 1;

test('the logs reach every rule, at every link, mission and state that it looks at', () => {
  const reached = new Map<string, number>();
  for (const log of fc.sample(logs, { numRuns: 300, seed: 7 })) {
    const verdicts = referenceVerdicts(log);
    for (const [index, item] of log.entries()) {
      const verdict = verdicts[index];
      if (verdict) reached.set(ruleOf(item, verdict), (reached.get(ruleOf(item, verdict)) ?? 0) + 1);
    }
  }
  const seldom = RULES.filter((rule) => (reached.get(rule) ?? 0) < LEAST);
  assert.deepEqual(seldom, [], JSON.stringify(Object.fromEntries(reached)));
});

test('an instance that read the whole log says what the rules say', () => {
  fc.assert(
    fc.property(logs, (log) => {
      const instance = createAdmission({ window_ms: WINDOW_MS });
      for (const family of FAMILIES) assert.ok(instance.judges(family, 1));
      const expected = referenceVerdicts(log);
      const { unknown } = compare(log, expected, 0, instance, () => {
        for (const family of FAMILIES) instance.judges(family, 1);
      });
      assert.equal(unknown, 0);
    }),
    { numRuns: 300 },
  );
});

test('instances that start anywhere, with tables from audit as of anywhere, say the same wherever they say anything', () => {
  const all = { given: 0, unknown: 0, loaded: 0 };
  const start = fc.record({
    at: fc.nat(80),
    /** Stream time before the first message that it reads, which it knows to be empty. */
    silence: fc.nat(100_000),
    /** How far audit is behind when it is asked; below 0, ahead of this instance. */
    behind: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -20, max: 30 })),
    every: fc.integer({ min: 1, max: 8 }),
  });
  fc.assert(
    fc.property(logs, fc.array(start, { minLength: 1, maxLength: 3 }), (log, starts) => {
      const expected = referenceVerdicts(log);
      for (const { at, silence, behind, every } of starts) {
        const from = messageStart(log, at);
        const first = log[from]?.at;
        const before = log[from - 1]?.at;
        if (!first) continue;
        const start_seq = (before?.seq ?? 0) + 1;
        const since_ms = before ? Math.max(before.ts_ms + 1, first.ts_ms - silence) : 0;
        const instance = createAdmission({ window_ms: WINDOW_MS, start_seq, since_ms });
        const said = compare(log, expected, from, instance, (index) => {
          if ((index - from) % every !== 0) return;
          const length = messageStart(log, Math.max(from, index - behind));
          const position = log[length - 1]?.at.seq ?? 0;
          for (const family of FAMILIES) {
            // What was opened in the window is complete by itself; here every mission is older.
            if (instance.loadMission(family, referenceTable(log, expected, length, family), position)) all.loaded++;
          }
        });
        all.given += said.given;
        all.unknown += said.unknown;
      }
    }),
    { numRuns: 400 },
  );
  // The comparison must not be empty: about half of the verdicts are given, many by loaded tables.
  assert.ok(all.given * 3 > all.unknown && all.loaded > 1_000, JSON.stringify(all));
});
