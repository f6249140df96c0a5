/** SIGKILL and SIGSTOP of real processes under load, and how soon calls pass again. */
import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { api } from '@sallyport/bus/api.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Attempt, type Index, indexOf, letGo, type StoredMessage } from './checker.ts';
import { type Load, pause } from './load.ts';
import type { World } from './world.ts';

export const TARGETS = ['gateway', 'nats', 'passports', 'postgres', 'vault', 'audit', 'detectors'] as const;
const LEAST_IN_FLIGHT = 8;
const RESTARTED_MS = 20_000;
const CLOSED_MS = 90_000;

export interface Killed {
  target: string;
  in_flight: number;
  passing_ms: number;
}

/** SIGKILL with at least eight calls in flight; calls pass at every gateway that was not killed within 10 s. */
export async function kill(world: World, load: Load, target: string): Promise<Killed> {
  const gateway = gatewayIndex(target);
  load.aim(gateway);
  const in_flight = await load.busy(LEAST_IN_FLIGHT, gateway ?? undefined);
  await world.kill(target);
  load.aim(null);
  const all = [...world.operators.keys()];
  const passing_ms = await world.passing(
    10_000,
    all.filter((one) => one !== gateway),
  );
  // A gateway that was killed is a new process first.
  const back = gateway === null ? '' : `, at this one after ${passing_ms + (await world.passing(RESTARTED_MS, [gateway]))} ms`;
  world.say(`SIGKILL ${target}: ${in_flight} calls in flight, calls pass again after ${passing_ms} ms${back}`);
  return { target, in_flight, passing_ms };
}

function gatewayIndex(name: string): number | null {
  const found = /^gateway(?:-(\d+))?$/.exec(name);
  return found ? Number(found[1] ?? 1) - 1 : null;
}

/** NATS stands still: calls that begin meanwhile are refused within a second, and none is lost. */
export async function stopNats(world: World, ms: number): Promise<{ refused: number; slowest_ms: number; passing_ms: number }> {
  await world.pause('nats');
  const from = Date.now();
  const own = monitorEventLoopDelay();
  own.enable();
  await pause(ms);
  const until = Date.now();
  own.disable();
  world.resume('nats');
  const passing_ms = await world.passing(10_000);
  // Who began in the last second may have been answered by a log that was there again.
  const begun = world.calls.filter(({ started_ms }) => started_ms > from && started_ms < until - 1_000);
  const slowest_ms = Math.round(Math.max(0, ...begun.map(({ elapsed_ms }) => elapsed_ms)));
  assert.ok(begun.length > 0, 'calls were made meanwhile');
  assert.deepEqual(
    begun
      // What held up this process, which calls and measures, is not the platform's.
      .filter(({ status, elapsed_ms }) => status !== 503 || elapsed_ms - own.max / 1e6 > 1_000)
      .map(({ status, code, elapsed_ms }) => [status, code, elapsed_ms]),
    [],
    'every call is refused within a second',
  );
  world.say(
    `SIGSTOP nats for ${ms} ms: ${begun.length} calls refused, the slowest after ${slowest_ms} ms; calls pass after ${passing_ms} ms`,
  );
  return { refused: begun.length, slowest_ms, passing_ms };
}

const bootsOf = (messages: readonly StoredMessage[], instance: string): string[] =>
  messages
    .flatMap(({ facts }) => facts)
    .filter(({ type, data }) => type === 'gateway.started' && data['instance'] === instance)
    .map(({ data }) => String(data['boot_id']));

/** A gateway stands still: when it wakes, nothing goes that it had recorded before; past its lease it comes back as a new boot. */
export async function stopGateway(world: World, load: Load, name: string, ms: number): Promise<{ passing_ms: number; new_boot: boolean }> {
  const gateway = gatewayIndex(name) ?? 0;
  const before = bootsOf(await world.witness.stream(), name);
  load.aim(gateway);
  const in_flight = await load.busy(LEAST_IN_FLIGHT, gateway);
  await world.pause(name);
  load.aim(null);
  await pause(ms);
  const woken = Date.now();
  world.resume(name);
  const passing_ms = await world.passing(10_000);
  const mine = (attempt: Attempt, index: Index): boolean =>
    before.includes(String(index.facts.get(attempt.id)?.fact.data['boot_id'])) && attempt.ts_ms < woken;
  // What it gave up it closes as refused; a repeat of the same operation at another gateway has a record of its own.
  const { messages, index } = await eventually(
    async () => {
      const all = await world.witness.stream();
      const found = indexOf(all);
      const open = [...found.attempts.values()].filter((attempt) => mine(attempt, found) && attempt.closing === null);
      if (open.length > 0) throw new Error(`${open.length} attempts of ${name} are open`);
      return { messages: all, index: found };
    },
    { timeoutMs: CLOSED_MS, everyMs: 250 },
  );
  for (const call of world.upstream.log) {
    if (call.at_ms < woken) continue;
    for (const attempt of index.byDigest.get(call.digest) ?? [])
      assert.ok(
        !mine(attempt, index) || !letGo(attempt),
        `${call.marker} went ${call.at_ms - woken} ms after the wake, recorded before it`,
      );
  }
  const new_boot = bootsOf(messages, name).length > before.length;
  world.say(`SIGSTOP ${name} for ${ms} ms: ${in_flight} calls in flight, new boot: ${new_boot}, calls pass after ${passing_ms} ms`);
  return { passing_ms, new_boot };
}

/** The stream takes no more: calls are refused with AUDIT_UNAVAILABLE, reads go on; with room again everything goes on by itself. */
export async function fullStream(world: World, ms: number): Promise<{ refused: number; passing_ms: number }> {
  const { bus } = world.witness;
  interface Info {
    config: Record<string, unknown>;
    state: { bytes: number };
  }
  const limit = async (room: (bytes: number) => number): Promise<void> => {
    const { config, state } = await api<Info>(bus, 'STREAM.INFO.LEDGER');
    await api(bus, 'STREAM.UPDATE.LEDGER', { ...config, max_bytes: room(state.bytes) }, 5_000);
  };
  await limit((bytes) => bytes + 20_000);
  const reached = world.calls.length;
  await eventually(() => world.calls.slice(reached).some(({ code }) => code === 'AUDIT_UNAVAILABLE'));
  const from = Date.now();
  await pause(ms);
  const until = Date.now();
  for (const operator of world.operators) {
    for (const path of ['/v1/audit?limit=10', '/v1/agents?limit=10', '/v1/services/connected', '/v1/missions?limit=10']) {
      const read = await operator('GET', path);
      assert.equal(read.status, 200, `${path}: ${JSON.stringify(read.body)}`);
    }
  }
  await limit(() => -1);
  const passing_ms = await world.passing(10_000);
  // A message that is smaller than the rest of the room may still be taken.
  // An operation that was recorded before may be told that it is under way.
  const before = new Set(world.calls.filter(({ started_ms }) => started_ms <= from).map(({ digest }) => digest));
  const begun = world.calls.filter(
    ({ started_ms, status, digest }) => started_ms > from && started_ms < until - 1_000 && status !== 200 && !before.has(digest),
  );
  assert.ok(begun.length > 0, 'calls were refused');
  for (const { status, code } of begun) assert.deepEqual([status, code], [503, 'AUDIT_UNAVAILABLE']);
  world.say(`stream full for ${ms} ms: ${begun.length} calls refused, reads went on, calls pass after ${passing_ms} ms`);
  return { refused: begun.length, passing_ms };
}
