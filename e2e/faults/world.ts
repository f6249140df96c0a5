/** The platform under faults: gateways, a slow upstream, a witness, ways to break each process and to tell when calls pass again. */
import { createHash } from 'node:crypto';
import { type Constellation, constellation, type ConstellationOptions } from '@sallyport/testing/constellation.ts';
import { pauseProcess } from '@sallyport/testing/pause.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrol, enrolledAgent, startMission, type TestAgent } from '../support/agent.ts';
import { type Api, apiOf } from '../support/api.ts';
import { callDigest, type ClientCall, type ClientCommand, type Injected } from './checker.ts';
import { openWitness, type Witness } from './evidence.ts';
import { type SlowUpstream, startSlowUpstream } from './upstream.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

export const ISSUES = 'https://api.github.com/repos/acme/sandbox/issues';

export interface World {
  platform: Constellation;
  upstream: SlowUpstream;
  witness: Witness;
  /** The operator's API at each gateway. */
  operators: Api[];
  connection: string;
  /** Ways to NATS of those instances that were asked for. */
  proxies: Map<string, TcpProxy>;
  calls: ClientCall[];
  commands: ClientCommand[];
  injected: Injected[];
  /** Answers to commands that no outage explains. */
  wrong: string[];
  random: () => number;
  /** Unique in this run, 24 characters and more: an operation id, a name, a path. */
  marker(kind: string): string;
  say(line: string): void;
  kill(name: string): Promise<void>;
  pause(name: string): Promise<void>;
  resume(name: string): void;
  /** Milliseconds until a call passed at every one of these gateways (all), from now on. */
  passing(limitMs?: number, gateways?: readonly number[]): Promise<number>;
  close(): Promise<void>;
}

export interface WorldOptions extends ConstellationOptions {
  seed: number;
  say?: (line: string) => void;
  /** Instances that reach NATS through the test. */
  proxied?: readonly string[];
}

/** Mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export async function openWorld({ seed, say = () => undefined, proxied = [], ...options }: WorldOptions): Promise<World> {
  const begun = performance.now();
  const random = seeded(seed);
  const proxies = new Map<string, TcpProxy>();
  const platform = await constellation({
    ...options,
    env: { SALLYPORT_RATE_LIMITS: 'off', ...options.env },
    environment: async (name, given) => {
      const env = (await options.environment?.(name, given)) ?? given;
      if (!proxied.includes(name)) return env;
      const proxy = await startTcpProxy(Number(new URL(env['SALLYPORT_NATS_URL'] ?? '').port));
      proxies.set(name, proxy);
      return { ...env, SALLYPORT_NATS_URL: `nats://127.0.0.1:${proxy.port}` };
    },
  }).catch(async (error: unknown) => {
    for (const proxy of proxies.values()) await proxy.close();
    throw error;
  });
  const upstream = await startSlowUpstream(seeded(seed + 1));
  const witness = await openWitness(platform);
  const operators = platform.gateways.map((url) => apiOf(url, platform.apiKey));
  const connected = await connectGithub(at(operators, 0), upstream.url);
  const agent = await plainAgent(at(operators, 0), 'probe');
  const probe = await startMission(at(operators, 0), agent, { expires_in_seconds: 7200 }, { ttl_seconds: 3600 });
  let made = 0;

  const world: World = {
    platform,
    upstream,
    witness,
    operators,
    connection: connected.id,
    proxies,
    calls: [],
    commands: [],
    injected: [],
    wrong: [],
    random,
    marker: (kind) => `${kind}-${createHash('sha256').update(`${seed} ${++made}`).digest('hex').slice(0, 24)}`,
    say: (line) => say(`${((performance.now() - begun) / 1000).toFixed(1)} s  ${line}`),
    kill: async (name) => {
      const pid = platform.processes()[name];
      world.injected.push({ what: `SIGKILL ${name}`, at_ms: Date.now() });
      platform.kill(name);
      await eventually(() => platform.processes()[name] !== pid, { everyMs: 2 });
    },
    pause: async (name) => {
      world.injected.push({ what: `SIGSTOP ${name}`, at_ms: Date.now() });
      await pauseProcess(pidOf(platform, name));
    },
    resume: (name) => void process.kill(pidOf(platform, name), 'SIGCONT'),
    passing: async (limitMs = 10_000, gateways = [...operators.keys()]) => {
      const started = performance.now();
      const refused = await Promise.all(gateways.map((gateway) => firstPassing(world, gateway, probe.passport.token, limitMs)));
      const found = refused.filter((one) => one !== null);
      if (found.length > 0) throw new Error(`no call passed within ${limitMs} ms at ${found.join('; ')}`);
      return Math.round(performance.now() - started);
    },
    close: async () => {
      for (const name of Object.keys(platform.processes())) process.kill(pidOf(platform, name), 'SIGCONT');
      await witness.close();
      await platform.stop();
      await upstream.stop();
      for (const proxy of proxies.values()) await proxy.close();
    },
  };
  return world;
}

/** Null when a call passed in time, else which gateway, and what it said from when on. */
async function firstPassing(world: World, gateway: number, token: string, limitMs: number): Promise<string | null> {
  const started = performance.now();
  const said: string[] = [];
  const probe = async (): Promise<boolean> => {
    const call = await send(world, gateway, { token, bearer: world.platform.apiKey, method: 'GET' }, 2_000);
    const words = call.status === 0 ? 'no answer' : `${call.status} ${call.code} ${call.reason ?? ''}`.trim();
    if (said.at(-1)?.endsWith(words) !== true) said.push(`from ${((performance.now() - started) / 1_000).toFixed(1)} s on ${words}`);
    return call.status === 200;
  };
  return eventually(probe, { timeoutMs: limitMs, everyMs: 50 }).then(
    () => null,
    () => `gateway ${gateway + 1} (${said.slice(-8).join(', ')})`,
  );
}

function pidOf(platform: Constellation, name: string): number {
  const pid = platform.processes()[name];
  if (pid === undefined) throw new Error(`no process ${name} runs`);
  return pid;
}

export function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  if (found === undefined) throw new Error('an empty list');
  return found;
}

/** An agent without a key of its own. */
export async function plainAgent(operator: Api, name: string): Promise<string> {
  const made = await operator('POST', '/v1/agents/register', { name, accountability_mode: 'logged' });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  return made.body.id;
}

export interface Sent {
  token: string;
  bearer: string;
  method: 'GET' | 'POST';
  /** Path segment that tells this call from all others; made when left out. */
  marker?: string;
  operation?: boolean;
}

/** One proxied call; never throws: what is not answered has status 0. */
export async function send(world: World, gateway: number, what: Sent, timeoutMs = 15_000): Promise<ClientCall> {
  const marker = what.marker ?? world.marker('call');
  const url = `${ISSUES}/${marker}`;
  const body = what.method === 'POST' ? { title: marker } : null;
  const started = performance.now();
  const call: ClientCall = {
    digest: callDigest(what.method, url, body),
    gateway,
    started_ms: Date.now(),
    elapsed_ms: 0,
    status: 0,
    code: null,
    reason: null,
    said: null,
    attempt_entry_id: null,
    entry_id: null,
  };
  try {
    const response = await fetch(`${at(world.platform.gateways, gateway)}/v1/proxy`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${what.bearer}`,
        'x-passport-token': what.token,
        ...(what.operation && { 'x-stack-authority-request-id': marker }),
      },
      body: JSON.stringify({ service: 'github', method: what.method, url, ...(body && { body }) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const answer: Answered = JSON.parse(await response.text());
    call.status = response.status;
    call.code = answer.error?.code ?? null;
    call.reason = answer.error?.metadata?.reason ?? null;
    call.said = answer.error?.message ?? null;
    call.attempt_entry_id = answer.attempt_entry_id ?? null;
    call.entry_id = answer.entry_id ?? null;
  } catch {
    // A connection that broke, or an answer cut short: nothing is known.
  }
  call.elapsed_ms = performance.now() - started;
  return call;
}

interface Answered {
  attempt_entry_id?: string;
  entry_id?: string | null;
  error?: { code: string; message?: string; metadata?: { reason?: string } };
}

/** An enrolled agent whose steps are taken at three gateways in turn. */
export async function agentAcross(world: World, first: number, name: string): Promise<TestAgent> {
  const [a, b] = [at(world.operators, first), at(world.operators, first + 1)];
  const registered = await a('POST', '/v1/agents/register', { name, accountability_mode: 'logged' });
  if (registered.status !== 201) throw new Error(JSON.stringify(registered.body));
  return enrol(b, registered.body.id);
}

export { enrolledAgent, startMission };
