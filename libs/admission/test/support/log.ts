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
/** Operators stand in one partition each: the last mission and the last agent are another operator's. */
const PARTITION = 5;
const OTHER_PARTITION = 6;
const OTHERS_MISSION = 4;
const OTHERS_AGENT = 2;
const LINKS = 3;

/** What a fence may name: of the passport itself, of a parent, or of what they share. */
const TARGETS = ['agent', 'line', 'jti', 'session', 'm1', 'm1a', 'm3', 'connection', 'grant', 'caller', 'operator'] as const;

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
  /** Parents of its passport. */
  parents: small(LINKS - 1),
  hasCaller: fc.boolean(),
  /** Which kind of thing a fence names. */
  target: fc.oneof({ weight: 3, arbitrary: small(1) }, { weight: 1, arbitrary: small(TARGETS.length - 1) }),
});
type Step = ReturnType<typeof step.generate>['value'];

export const logs: fc.Arbitrary<LogItem[]> = fc.array(step, { minLength: 60, maxLength: 120, size: 'max' }).map(build);

function build(steps: readonly Step[]): LogItem[] {
  const log: LogItem[] = [];
  // What belongs together stands in one partition.
  const opened: Record<number, Hash[]> = { [PARTITION]: [], [OTHER_PARTITION]: [] };
  const promised: Record<number, Hash[]> = { [PARTITION]: [], [OTHER_PARTITION]: [] };
  let seq = 0;
  let index = 0;
  let ts_ms = 1_000_000;
  let boot = h('boot:0');
  for (const [number, one] of steps.entries()) {
    const partition = isOthers(one) ? OTHER_PARTITION : PARTITION;
    const before = log.at(-1);
    const sameSubject = before?.what === 'entry' && before.at.partition === partition && boot === h(`boot:${one.boot}`);
    const joins = one.joined && sameSubject && one.kind !== 'fence';
    if (joins) index++;
    else {
      seq += 1 + (one.which % 3);
      index = 0;
      ts_ms += one.gap;
      boot = h(`boot:${one.boot}`);
    }
    const at = { seq, index, ts_ms, boot, partition };
    const entry = (made: Entry): void => void log.push({ what: 'entry', entry: made, at });
    const until = one.late ? ts_ms - 1 : ts_ms + 400;
    switch (one.kind) {
      case 'fence':
        log.push({
          what: 'fence',
          effect: one.effect,
          targets: [h(fenced(one)), h('other')],
          at: { seq, ts_ms, partition },
        });
        break;
      case 'attempt': {
        // Some of those that were given up before they landed land now.
        const landing = one.which === 0 ? promised[partition]?.shift() : undefined;
        const id = landing ?? h(`attempt:${number}`);
        opened[partition]?.push(id);
        entry(attempt(id, one, until, Math.max(0, seq - 1 - one.behind)));
        break;
      }
      case 'early':
        promised[partition]?.push(h(`attempt:${number}`));
        entry({ kind: 'closing', attempt: h(`attempt:${number}`), sent: false, outcome: 'denied' });
        break;
      case 'closing':
        entry({ kind: 'closing', attempt: opened[partition]?.at(-1 - one.which) ?? h('nobody'), sent: one.sent, outcome: one.outcome });
        break;
      case 'assertion':
        entry({ kind: 'assertion', jwt: jwtOf(one, one.jwt ?? 9), until });
        break;
      case 'boot_closed':
        entry({ kind: 'boot_closed', boot: h(`boot:${one.which % 4}`) });
        break;
    }
  }
  return log;
}

function isOthers({ mission }: Step): boolean {
  return mission === OTHERS_MISSION;
}

/** Of the passport; parents are the agents after it. */
function agentOf(one: Step, link = 0): number {
  return isOthers(one) ? OTHERS_AGENT : (one.agent + link) % OTHERS_AGENT;
}

const jwtOf = (one: Step, number: number): Hash => h(`jwt:${agentOf(one)}:${number}`);

function fenced(one: Step): string {
  const kind = TARGETS[one.target] ?? 'agent';
  switch (kind) {
    case 'agent':
    case 'line':
    case 'jti':
      return `${kind}:${agentOf(one, one.parents)}`;
    case 'm1':
    case 'm1a':
    case 'm3':
      return kind;
    case 'session':
    case 'connection':
    case 'grant':
    case 'caller':
    case 'operator':
      return isOthers(one) ? `other ${kind}` : kind;
  }
}

function attempt(id: Hash, one: Step, until: number, checked: number): AttemptEntry {
  const { missions = [], caps = [] } = MISSIONS[one.mission] ?? {};
  const service = h(`service:${one.service}`);
  const own = (kind: string): Hash => h(isOthers(one) ? `other ${kind}` : kind);
  const links = Array.from({ length: 1 + one.parents }, (_, link) => agentOf(one, link));
  return {
    kind: 'attempt',
    id,
    operator: own('operator'),
    ...(one.hasCaller && { caller: own('caller') }),
    session: own('session'),
    jti: h(`jti:${agentOf(one)}`),
    chain: links.map((agent) => ({ line: h(`line:${agent}`), agent: h(`agent:${agent}`) })),
    missions,
    connection: own('connection'),
    grant: own('grant'),
    service,
    ...(one.operation !== undefined && { operation: { id: h(`operation:${one.operation}`), digest: h(`digest:${one.digest}`) } }),
    ...(one.approval !== undefined && { approval: h(`approval:${one.approval}`) }),
    ...(one.jwt !== undefined && { jwt: jwtOf(one, one.jwt) }),
    // Caps of a mission are the same for all its calls.
    caps,
    until,
    checked,
  };
}
