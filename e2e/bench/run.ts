/**
 * `npm run bench`: one gateway on one core against a bare pass-through of the same envelope on the same core, in the same run.
 * Three rounds in turned order; everything else (load, upstream, NATS, the other services) shares the other core.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { constellation } from '@sallyport/testing/constellation.ts';
import { connectGithub, enrolledAgent, startMission } from '../support/agent.ts';
import { apiOf } from '../support/api.ts';
import { ROOT } from '../support/python.ts';
import { busyShares, cores, cpuOf, pin } from './cpu.ts';
import { load, percentile, proxyRequest } from './load.ts';

const CONNECTIONS = 128;
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const [GATEWAY_CORE, OTHER_CORE] = [0, 1];

interface Contender {
  name: string;
  port: number;
  pid: number;
  prepare(): () => Buffer;
}
interface Result {
  rate: number;
  p50: number;
  p99: number;
  cpu_us: number;
  cores: number[];
}

async function start(script: string, ...args: string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [join(ROOT, 'e2e/bench', script), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('no output');
  const [line] = await once(child.stdout, 'data');
  return { child, port: Number(String(line).trim()) };
}

async function measure(one: Contender): Promise<Result> {
  const next = one.prepare();
  const warm = Math.min(2, SECONDS / 4);
  await load({ port: one.port, connections: CONNECTIONS, seconds: warm, next });
  const [cpu, before] = [cpuOf(one.pid), cores()];
  const done = await load({ port: one.port, connections: CONNECTIONS, seconds: SECONDS, next });
  const used = cpuOf(one.pid) - cpu;
  if (done.failures > 0) throw new Error(`${one.name}: ${done.failures} of ${done.calls} calls failed: ${done.failure}`);
  return {
    rate: done.calls / done.seconds,
    p50: percentile(done.latencies, 0.5),
    p99: percentile(done.latencies, 0.99),
    cpu_us: used / done.calls,
    cores: busyShares(before, cores()),
  };
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const stops: (() => unknown)[] = [];
try {
  if (cpus().length < 2) throw new Error('the benchmark needs two cores');
  const platform = await constellation({ env: { SALLYPORT_RATE_LIMITS: 'off' } });
  stops.push(() => platform.stop());
  const upstream = await start('upstream.ts');
  stops.push(() => upstream.child.kill());
  const url = `http://127.0.0.1:${upstream.port}`;
  const bare = await start('pass-through.ts', url);
  stops.push(() => bare.child.kill());

  const operator = apiOf(platform.baseUrl, platform.apiKey);
  await connectGithub(operator, url);
  const plain = await operator('POST', '/v1/agents/register', { name: 'bench-plain', accountability_mode: 'logged' });
  const withoutKey = await startMission(operator, plain.body.id, { expires_in_seconds: 3600 }, { ttl_seconds: 3600 });
  const agent = await enrolledAgent(operator, { name: 'bench-agent', accountability_mode: 'logged' });
  const withKey = await startMission(operator, agent.id, { expires_in_seconds: 3600 }, { ttl_seconds: 3600 });

  const pids = platform.processes();
  for (const [name, pid] of Object.entries(pids)) pin(pid, name === 'gateway' ? GATEWAY_CORE : OTHER_CORE);
  pin(upstream.child.pid ?? 0, OTHER_CORE);
  pin(bare.child.pid ?? 0, GATEWAY_CORE);
  pin(process.pid, OTHER_CORE);

  const call = { service: 'github', method: 'GET', url: 'https://api.github.com/repos/acme/sandbox/issues', query: { state: 'open' } };
  const port = Number(new URL(platform.baseUrl).port);
  const gateway = pids['gateway'] ?? 0;
  const contenders: Contender[] = [
    {
      name: 'pass-through',
      port: bare.port,
      pid: bare.child.pid ?? 0,
      prepare: () => {
        const request = proxyRequest({ authorization: `Bearer ${platform.apiKey}`, 'x-passport-token': withoutKey.passport.token }, call);
        return () => request;
      },
    },
    {
      name: 'gateway, operator key',
      port,
      pid: gateway,
      prepare: () => {
        const request = proxyRequest({ authorization: `Bearer ${platform.apiKey}`, 'x-passport-token': withoutKey.passport.token }, call);
        return () => request;
      },
    },
    {
      name: 'gateway, agent key',
      port,
      pid: gateway,
      prepare: () => {
        const ready = Array.from({ length: 60_000 }, () =>
          proxyRequest({ authorization: `Bearer ${agent.jwt()}`, 'x-passport-token': withKey.passport.token }, call),
        );
        let at = 0;
        return () => ready[at++ % ready.length] ?? Buffer.alloc(0);
      },
    },
  ];

  const results = new Map<string, Result[]>(contenders.map((one) => [one.name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const one = contenders[(i + round) % contenders.length];
      if (one) results.get(one.name)?.push(await measure(one));
    }
  }

  const base = median((results.get('pass-through') ?? []).map((one) => one.rate));
  console.log(`${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s in turned order; medians`);
  console.log('contender               calls/s   ratio   p50 ms   p99 ms   CPU µs/call   core 0   core 1');
  for (const [name, all] of results) {
    const of = (pick: (one: Result) => number): number => median(all.map(pick));
    const shares = [0, 1].map((core) => `${(100 * of((one) => one.cores[core] ?? 0)).toFixed(0)} %`.padStart(8));
    console.log(
      `${name.padEnd(22)} ${of((one) => one.rate)
        .toFixed(0)
        .padStart(8)} ${(of((one) => one.rate) / base).toFixed(2).padStart(7)} ` +
        `${of((one) => one.p50)
          .toFixed(1)
          .padStart(8)} ${of((one) => one.p99)
          .toFixed(1)
          .padStart(8)} ${of((one) => one.cpu_us)
          .toFixed(0)
          .padStart(13)} ${shares.join(' ')}`,
    );
  }
  console.log('budget: ratio >= 0.75 for the operator key. The gateway and the pass-through have core 0 to themselves.');
} finally {
  for (const stop of stops.reverse()) await stop();
}
