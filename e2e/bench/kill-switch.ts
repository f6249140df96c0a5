/**
 * Four gateways under load: from a revocation's answer to the last call started at the upstream after it; an agent's revocation with many live
 * passports; calls in flight that are cut; from a call off scope to the passport's death at another gateway.
 */
import { startMission } from '../support/agent.ts';
import type { Arrivals } from './arrivals.ts';
import { percentile } from './load.ts';
import { CALL, type Stage } from './stage.ts';
import { post, proxyRequest, type Wire, wire } from './wire.ts';

const REVOCATIONS = Number(process.env['BENCH_REVOCATIONS'] ?? 200);
const PASSPORTS = Number(process.env['BENCH_PASSPORTS'] ?? 1_000);
const SIGNALS = Number(process.env['BENCH_SIGNALS'] ?? 40);
const CUTS = Number(process.env['BENCH_CUTS'] ?? 10);
/** Each part ends with what it has when its time is over. */
const PART_MS = Number(process.env['BENCH_PART_SECONDS'] ?? 180) * 1_000;
const GIVE_UP_MS = 5_000;
const CALLS_BEFORE = 3;
const BACKGROUND_PER_GATEWAY = 4;
/** Calls per second over all gateways beside what is measured; more than the machine can carry measures its queues. */
const LOAD = Number(process.env['BENCH_LOAD'] ?? 200);
const AT_ONCE = 8;

const shown = (ms: number | undefined): string => (ms === undefined ? '-' : ms.toFixed(1));
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Told {
  status: number;
  /** Of a refusal. */
  code: string | undefined;
  at: number;
}

const ask = (on: Wire, request: Buffer): Promise<Told> =>
  new Promise((resolve, reject) => {
    on.ask(request, (status, text) => resolve({ status, code: /\r\nx-sallyport-error: (\w+)/i.exec(text)?.[1], at: performance.now() }));
    on.closed.then(() => reject(new Error('the connection was closed')), reject);
  });

/** How often each status was told, and why where it is an error. */
function tally(all: readonly Pick<Told, 'status' | 'code'>[]): string {
  const counts = new Map<string, number>();
  for (const { status, code } of all) {
    const name = code === undefined ? String(status) : `${status} ${code}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} × ${name}`).join(', ') || 'none';
}

function percentiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return `p50 ${shown(percentile(sorted, 0.5))}, p99 ${shown(percentile(sorted, 0.99))}, max ${shown(sorted.at(-1))} ms`;
}

export async function killSwitch({ platform, operator, ports }: Stage, arrivals: Arrivals): Promise<void> {
  const bearer = { authorization: `Bearer ${platform.apiKey}` };
  const request = (token: string, marker: string): Buffer =>
    proxyRequest({ ...bearer, 'x-passport-token': token }, { ...CALL, query: { m: marker } });
  const revokePassport = (jti: string): Buffer => post('/v1/passports/revoke', bearer, { jti, reason: 'benchmark' });
  const register = async (name: string, mode: string): Promise<string> =>
    (await operator('POST', '/v1/agents/register', { name, accountability_mode: mode })).body.id;
  const passportOf = async (agentId: string): Promise<{ jti: string; token: string }> =>
    (await startMission(operator, agentId, { expires_in_seconds: 3600 }, { ttl_seconds: 3600 })).passport;

  /** At most `count`, as many as can be made in time. */
  async function passports(agentId: string, count: number): Promise<{ jti: string; token: string }[]> {
    const made: { jti: string; token: string }[] = [];
    const end = performance.now() + PART_MS;
    let begun = 0;
    const work = async (): Promise<void> => {
      while (begun < count && performance.now() < end) {
        begun++;
        made.push(await passportOf(agentId));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return made;
  }

  const logged = await register('bench-revoked', 'logged');
  /** Over a connection of its own: one that was idle may be closed by the gateway any moment. */
  async function control(index: number, bytes: Buffer): Promise<Told> {
    const on = wire(ports[index % ports.length] ?? 0);
    const told = await ask(on, bytes);
    on.end();
    return told;
  }

  let over = false;
  let carried = 0;
  const background = await passportOf(await register('bench-background', 'logged'));
  const began = performance.now();
  const others = ports.flatMap((port) => Array.from({ length: BACKGROUND_PER_GATEWAY }, () => load(port)));

  async function load(port: number): Promise<void> {
    const on = wire(port);
    const bytes = request(background.token, 'background');
    const everyMs = (1_000 * ports.length * BACKGROUND_PER_GATEWAY) / LOAD;
    for (let next = performance.now(); !over; next = Math.max(next + everyMs, performance.now())) {
      await wait(Math.max(0, next - performance.now()));
      if ((await ask(on, bytes)).status === 200) carried++;
    }
    on.end();
  }

  async function callUntil(port: number, ended: (told: Told) => boolean, bytes: Buffer): Promise<Told> {
    const on = wire(port);
    for (;;) {
      const told = await ask(on, bytes);
      if (told.status === 200) carried++;
      if (!ended(told)) continue;
      on.end();
      return told;
    }
  }

  async function revocations(): Promise<void> {
    const made = await passports(logged, REVOCATIONS);
    const [after, answers]: number[][] = [[], []];
    const end = performance.now() + PART_MS;
    const ends: Told[] = [];
    let late = 0;
    for (const [index, { jti, token }] of made.entries()) {
      if (performance.now() > end) break;
      const marker = `r${index}`;
      let deadline = Number.POSITIVE_INFINITY;
      const loops = ports.map((port) => callUntil(port, ({ status, at }) => status === 401 || at > deadline, request(token, marker)));
      const ready = performance.now() + GIVE_UP_MS;
      while (arrivals.count(marker) < CALLS_BEFORE * ports.length && performance.now() < ready) await wait(5);
      const asked = performance.now();
      const answer = await control(index, revokePassport(jti));
      if (answer.status !== 200) throw new Error(`the revocation was answered ${answer.status}`);
      deadline = answer.at + GIVE_UP_MS;
      ends.push(...(await Promise.all(loops)));
      const lag = (arrivals.last(marker) ?? 0) - answer.at;
      if (lag > 0) late++;
      after?.push(Math.max(0, lag));
      answers?.push(answer.at - asked);
    }
    console.log(
      `kill switch, last call started after the answer: ${percentiles(after ?? [])} (budget p99 < 100); ${after?.length} revocations, ${late} with a call after the answer`,
    );
    console.log(`  the last answers at ${ports.length} gateways: ${tally(ends)}`);
    console.log(`  the answer itself: ${percentiles(answers ?? [])}`);
  }

  async function wholeAgent(): Promise<void> {
    const id = await register('bench-many', 'logged');
    const made = await passports(id, PASSPORTS);
    const statuses = async (all: boolean): Promise<Told[]> => {
      const heard: Told[] = [];
      const end = performance.now() + PART_MS;
      const calls = made.flatMap(({ token }, index) => (all ? ports : [ports[index % ports.length] ?? 0]).map((port) => ({ port, token })));
      await Promise.all(
        ports.map(async (port) => {
          const on = wire(port);
          for (const call of calls.filter((one) => one.port === port)) {
            if (performance.now() > end) break;
            heard.push(await ask(on, request(call.token, 'many')));
          }
          on.end();
        }),
      );
      return heard;
    };
    const before = await statuses(false);
    const asked = performance.now();
    const answer = await operator('POST', `/v1/passports/revoke-agent/${id}`, { reason: 'benchmark' });
    const took = performance.now() - asked;
    const arrived = arrivals.count('many');
    const after = await statuses(true);
    console.log(
      `an agent's revocation with ${made.length} live passports: answered ${answer.status} in ${shown(took)} ms, ${arrivals.count('many') - arrived} calls arrived upstream after it`,
    );
    console.log(
      `  one call with each passport before it: ${tally(before)}; with each at each of ${ports.length} gateways after it: ${tally(after)}`,
    );
  }

  async function cuts(): Promise<void> {
    const fromRequest: number[] = [];
    const fromAnswer: number[] = [];
    const ended: Told[] = [];
    const before: Told[] = [];
    for (let index = 0; index < CUTS; index++) {
      const { jti, token } = await passportOf(logged);
      const refusedBefore = before.length;
      let asked = Number.POSITIVE_INFINITY;
      const flights = ports.map(async (port) => {
        const on = wire(port);
        const told = await ask(on, request(token, `slow${index}-${port}`));
        on.end();
        // Under load a call may be refused before it goes: then there is nothing to cut.
        if (told.at < asked) before.push(told);
        else ended.push(told);
        return told;
      });
      const ready = performance.now() + GIVE_UP_MS;
      const flying = (): number => ports.filter((port) => arrivals.count(`slow${index}-${port}`) > 0).length;
      while (flying() + before.length - refusedBefore < ports.length && performance.now() < ready) await wait(5);
      asked = performance.now();
      const answer = await control(index, revokePassport(jti));
      for (const { at } of await Promise.all(flights)) {
        if (at < asked) continue;
        fromRequest.push(at - asked);
        fromAnswer.push(Math.max(0, at - answer.at));
      }
    }
    console.log(
      `calls in flight at ${ports.length} gateways: ${ended.length}, ended with ${tally(ended)}; from asking for the revocation: ${percentiles(fromRequest)}; after its answer: ${percentiles(fromAnswer)}`,
    );
    if (before.length > 0) console.log(`  refused before they went upstream: ${tally(before)}`);
  }

  async function signals(): Promise<void> {
    const id = await register('bench-enforced', 'enforced');
    const took: number[] = [];
    const end = performance.now() + PART_MS;
    let missed = 0;
    for (let index = 0; index < SIGNALS && performance.now() < end; index++) {
      const { token } = await passportOf(id);
      const marker = `s${index}`;
      let deadline = Number.POSITIVE_INFINITY;
      const elsewhere = callUntil(
        ports[(index + 1) % ports.length] ?? 0,
        ({ status, at }) => status === 401 || at > deadline,
        request(token, marker),
      );
      while (arrivals.count(marker) < CALLS_BEFORE) await wait(5);
      const offScope = { service: 'notion', method: 'GET', url: 'https://api.notion.com/v1/users/me' };
      const sent = performance.now();
      deadline = sent + GIVE_UP_MS;
      await control(index, proxyRequest({ ...bearer, 'x-passport-token': token }, offScope));
      const told = await elsewhere;
      if (told.status === 401) took.push(told.at - sent);
      else missed++;
    }
    console.log(
      `signal to revocation, off-scope call sent to one gateway until the first 401 at another: ${percentiles(took)} (budget p99 < 250); ${took.length} signals, ${missed} without a revocation in ${GIVE_UP_MS / 1000} s`,
    );
  }

  try {
    await revocations();
    await wholeAgent();
    await cuts();
    await signals();
  } finally {
    over = true;
    await Promise.allSettled(others);
    const seconds = (performance.now() - began) / 1000;
    console.log(
      `  meanwhile ${ports.length} gateways carried ${(carried / seconds).toFixed(0)} calls/s (${LOAD} were asked for beside what is measured)`,
    );
  }
}
