/**
 * One gateway on one core against a bare pass-through of the same envelope on the same core, in the same run, rounds in turned order. Medians.
 */
import { enrolledAgent, startMission } from '../support/agent.ts';
import { busyShares, cores, cpuOf } from './cpu.ts';
import { load, median, percentile } from './load.ts';
import { CALL, type Stage, type Started } from './stage.ts';
import { proxyRequest } from './wire.ts';

const CONNECTIONS = 128;
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const JWTS_PER_SECOND = 5_000;
const SATURATED = 0.95;

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

async function measure(one: Contender): Promise<Result> {
  const next = one.prepare();
  await load({ port: one.port, connections: CONNECTIONS, seconds: Math.min(2, SECONDS / 4), next });
  const [cpu, before] = [cpuOf(one.pid), cores()];
  const done = await load({ port: one.port, connections: CONNECTIONS, seconds: SECONDS, next });
  const used = cpuOf(one.pid) - cpu;
  if (done.failures > 0) console.log(`${one.name}: ${done.failures} of ${done.calls} calls failed: ${done.failure?.split('\r\n\r\n')[1]}`);
  return {
    rate: (done.calls - done.failures) / done.seconds,
    p50: percentile(done.latencies, 0.5),
    p99: percentile(done.latencies, 0.99),
    cpu_us: used / done.calls,
    cores: busyShares(before, cores()),
  };
}

export async function throughput({ platform, operator, ports }: Stage, bare: Started): Promise<void> {
  const plain = await operator('POST', '/v1/agents/register', { name: 'bench-plain', accountability_mode: 'logged' });
  const withoutKey = await startMission(operator, plain.body.id, { expires_in_seconds: 3600 }, { ttl_seconds: 3600 });
  const agent = await enrolledAgent(operator, { name: 'bench-agent', accountability_mode: 'logged' });
  const withKey = await startMission(operator, agent.id, { expires_in_seconds: 3600 }, { ttl_seconds: 3600 });

  const pid = platform.processes()['gateway'] ?? 0;
  const [port = 0] = ports;
  const keyed = proxyRequest({ authorization: `Bearer ${platform.apiKey}`, 'x-passport-token': withoutKey.passport.token }, CALL);
  const prepareAgent = (): (() => Buffer) => {
    const count = Math.ceil(JWTS_PER_SECOND * SECONDS);
    const ready = Array.from({ length: count }, () =>
      proxyRequest({ authorization: `Bearer ${agent.jwt()}`, 'x-passport-token': withKey.passport.token }, CALL),
    );
    let at = 0;
    return () => ready[at++ % count] ?? keyed;
  };
  const contenders: Contender[] = [
    { name: 'pass-through', port: bare.port, pid: bare.pid, prepare: () => () => keyed },
    { name: 'gateway, operator key', port, pid, prepare: () => () => keyed },
    { name: 'gateway, agent key', port, pid, prepare: prepareAgent },
  ];

  const results = new Map<string, Result[]>(contenders.map((one) => [one.name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const one = contenders[(i + round) % contenders.length];
      if (one) results.get(one.name)?.push(await measure(one));
    }
  }
  print(results);
}

function print(results: ReadonlyMap<string, readonly Result[]>): void {
  const bare = results.get('pass-through') ?? [];
  const base = median(bare.map((one) => one.rate));
  const baseCpu = median(bare.map((one) => one.cpu_us));
  console.log(`throughput: ${CONNECTIONS} connections, ${ROUNDS} rounds of ${SECONDS} s in turned order, medians`);
  console.log('contender               calls/s   ratio   CPU µs/call   CPU ratio   p50 ms   p99 ms   core 0   core 1   saturated');
  for (const [name, all] of results) {
    const of = (pick: (one: Result) => number): number => median(all.map(pick));
    const shares = [0, 1].map((core) => of((one) => one.cores[core] ?? 0));
    const full = shares.flatMap((share, core) => (share >= SATURATED ? [`core ${core}`] : [])).join(' and ') || 'none';
    const cells = [
      of((one) => one.rate)
        .toFixed(0)
        .padStart(8),
      (of((one) => one.rate) / base).toFixed(2).padStart(7),
      of((one) => one.cpu_us)
        .toFixed(0)
        .padStart(13),
      (baseCpu / of((one) => one.cpu_us)).toFixed(2).padStart(11),
      of((one) => one.p50)
        .toFixed(1)
        .padStart(8),
      of((one) => one.p99)
        .toFixed(1)
        .padStart(8),
      ...shares.map((share) => `${(100 * share).toFixed(0)} %`.padStart(8)),
      `  ${full}`,
    ];
    console.log(`${name.padEnd(22)} ${cells.join(' ')}`);
  }
  console.log(
    'core 0: the gateway or the pass-through; core 1: load, upstream, NATS; audit, passports, vault, detectors, postgres there at nice 19',
  );
  console.log('budget: ratio >= 0.75 for the operator key');
}
