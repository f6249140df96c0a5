/** Logs as a few busy gateways might write them, with everything that can go wrong. Ids come from small pools, so that they meet again. */
import { hash12 } from '@sallyport/contracts/target.ts';
import fc from 'fast-check';
import { type AttemptEntry, type Cap, type Entry, type Hash, hashOf } from '../../src/entry.ts';
import type { Effect } from '../../src/recent.ts';
import type { EntryPosition } from '../../src/verdict.ts';

export type LogItem =
  | { what: 'entry'; entry: Entry; at: EntryPosition }
  | { what: 'fence'; effect: Effect; targets: Hash[]; at: { seq: number; ts_ms: number; partition: number } };

export const h = (text: string): Hash => hashOf(hash12(text));

/** Two outermost missions, the first with a child and a grandchild; each with caps of its own. */
interface Mission {
  missions: Hash[];
  caps: Cap[];
}
const cap = (mission: number, kind: Cap['kind'], limit: number, behaviour: Cap['behaviour'] = 'deny'): Cap => ({
  mission,
  kind,
  limit,
  behaviour,
});
const MISSIONS: Mission[] = [
  { missions: [h('m1')], caps: [cap(0, 'actions', 6)] },
  { missions: [h('m1a'), h('m1')], caps: [cap(0, 'actions', 3, 'flag'), cap(1, 'actions', 6)] },
  { missions: [h('m1ab'), h('m1a'), h('m1')], caps: [cap(1, 'actions', 3, 'flag'), cap(2, 'actions', 6)] },
  { missions: [h('m2')], caps: [cap(0, 'actions_per_service', 2)] },
  { missions: [h('m3')], caps: [] },
];
export const FAMILIES = [h('m1'), h('m2'), h('m3')];
const PARTITION = 5;

const small = (max: number): fc.Arbitrary<number> => fc.nat({ max });
const step = fc.record({
  /** Milliseconds since the item before; now and then a long silence. */
  gap: fc.oneof({ weight: 12, arbitrary: small(900) }, { weight: 3, arbitrary: small(20_000) }, { weight: 1, arbitrary: small(90_000) }),
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constant('attempt' as const) },
    { weight: 7, arbitrary: fc.constant('closing' as const) },
    { weight: 2, arbitrary: fc.constant('early' as const) },
    { weight: 2, arbitrary: fc.constant('fence' as const) },
    { weight: 1, arbitrary: fc.constant('assertion' as const) },
    { weight: 1, arbitrary: fc.constant('boot_closed' as const) },
  ),
  /** In the same message as the item before. */
  joined: fc.boolean(),
  boot: small(3),
  mission: small(MISSIONS.length - 1),
  operation: fc.option(small(3), { nil: undefined, freq: 2 }),
  digest: small(1),
  approval: fc.option(small(2), { nil: undefined, freq: 4 }),
  jwt: fc.option(small(5), { nil: undefined, freq: 2 }),
  service: small(1),
  hasCaps: fc.boolean(),
  /** Which earlier attempt a closing ends. */
  which: small(7),
  sent: fc.boolean(),
  outcome: fc.constantFrom('success' as const, 'failure' as const, 'unknown' as const, 'denied' as const),
  late: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  /** How far its gateway was behind, in items. */
  behind: fc.oneof({ weight: 6, arbitrary: small(1) }, { weight: 2, arbitrary: small(8) }, { weight: 1, arbitrary: small(60) }),
  effect: fc.constantFrom('revoked' as const, 'ended' as const, 'narrowed' as const),
  agent: small(2),
});
type Step = ReturnType<typeof step.generate>['value'];

export const logs: fc.Arbitrary<LogItem[]> = fc.array(step, { minLength: 60, maxLength: 120, size: 'max' }).map(build);

function build(steps: readonly Step[]): LogItem[] {
  const log: LogItem[] = [];
  const opened: Hash[] = [];
  const promised: { id: Hash; from: Step }[] = [];
  let seq = 0;
  let index = 0;
  let ts_ms = 1_000_000;
  let boot = h('boot:0');
  for (const [number, one] of steps.entries()) {
    const joins = one.joined && log.at(-1)?.what === 'entry' && one.kind !== 'fence' && boot === h(`boot:${one.boot}`);
    if (joins) index++;
    else {
      seq += 1 + (one.which % 3);
      index = 0;
      ts_ms += one.gap;
      boot = h(`boot:${one.boot}`);
    }
    const at = { seq, index, ts_ms, boot, partition: PARTITION };
    const entry = (made: Entry): void => void log.push({ what: 'entry', entry: made, at });
    const until = one.late ? ts_ms - 1 : ts_ms + 400;
    switch (one.kind) {
      case 'fence':
        log.push({
          what: 'fence',
          effect: one.effect,
          targets: [h(`agent:${one.agent}`), h('other')],
          at: { seq, ts_ms, partition: PARTITION },
        });
        break;
      case 'attempt': {
        // Some of those that were given up before they landed land now.
        const landing = one.which === 0 ? promised.shift() : undefined;
        const id = landing?.id ?? h(`attempt:${number}`);
        opened.push(id);
        entry(attempt(id, one, until, Math.max(0, seq - 1 - one.behind)));
        break;
      }
      case 'early':
        promised.push({ id: h(`attempt:${number}`), from: one });
        entry({ kind: 'closing', attempt: h(`attempt:${number}`), sent: false, outcome: 'denied' });
        break;
      case 'closing':
        entry({ kind: 'closing', attempt: opened.at(-1 - one.which) ?? h('nobody'), sent: one.sent, outcome: one.outcome });
        break;
      case 'assertion':
        entry({ kind: 'assertion', jwt: h(`jwt:${one.jwt ?? 9}`), until });
        break;
      case 'boot_closed':
        entry({ kind: 'boot_closed', boot: h(`boot:${one.which % 4}`) });
        break;
    }
  }
  return log;
}

function attempt(id: Hash, one: Step, until: number, checked: number): AttemptEntry {
  const { missions = [], caps = [] } = MISSIONS[one.mission] ?? {};
  const service = h(`service:${one.service}`);
  return {
    kind: 'attempt',
    id,
    operator: h('operator'),
    session: h('session'),
    jti: h(`jti:${one.agent}`),
    chain: [{ line: h(`line:${one.agent}`), agent: h(`agent:${one.agent}`) }],
    missions,
    connection: h('connection'),
    grant: h('grant'),
    service,
    ...(one.operation !== undefined && { operation: { id: h(`operation:${one.operation}`), digest: h(`digest:${one.digest}`) } }),
    ...(one.approval !== undefined && { approval: h(`approval:${one.approval}`) }),
    ...(one.jwt !== undefined && { jwt: h(`jwt:${one.jwt}`) }),
    // Caps of a mission are the same for all its calls.
    caps,
    until,
    checked,
  };
}
