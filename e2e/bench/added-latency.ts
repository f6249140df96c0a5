/** What the gateway adds, fsync included: the same calls at a fixed rate through it and to the upstream directly. The highest rate that the machine carries. */
import { startMission } from '../support/agent.ts';
import { type Load, median, paced, percentile } from './load.ts';
import { CALL, type Stage } from './stage.ts';
import { proxyRequest } from './wire.ts';

const RATES = [1_000, 500, 200];
const CONNECTIONS = 64;
const SECONDS = 4;
const ROUNDS = 3;

/** All calls answered well, and the last one not long after it was due. */
function carried(done: Load): boolean {
  return done.failures === 0 && done.seconds < SECONDS + 0.25;
}

export async function addedLatency({ platform, operator, ports }: Stage, upstreamPort: number): Promise<void> {
  const agent = await operator('POST', '/v1/agents/register', { name: 'bench-paced', accountability_mode: 'logged' });
  const { passport } = await startMission(operator, agent.body.id, { expires_in_seconds: 3600 }, { ttl_seconds: 3600 });
  const proxied = proxyRequest({ authorization: `Bearer ${platform.apiKey}`, 'x-passport-token': passport.token }, CALL);
  const direct = Buffer.from(
    'GET /repos/acme/sandbox/issues?state=open HTTP/1.1\r\nhost: api.github.com\r\nauthorization: Bearer constant\r\n\r\n',
  );
  const [port = 0] = ports;
  const run = (rate: number, seconds: number, gateway: boolean): Promise<Load> =>
    paced({ port: gateway ? port : upstreamPort, connections: CONNECTIONS, seconds, rate, next: () => (gateway ? proxied : direct) });

  for (const rate of RATES) {
    const tried = await run(rate, SECONDS, true);
    if (!carried(tried) && rate !== RATES.at(-1)) {
      console.log(`added latency: the machine does not carry ${rate} calls/s now`);
      continue;
    }
    const through: Load[] = [];
    const past: Load[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      if (round % 2 === 0) past.push(await run(rate, SECONDS, false));
      through.push(await run(rate, SECONDS, true));
      if (round % 2 === 1) past.push(await run(rate, SECONDS, false));
    }
    const of = (loads: readonly Load[], share: number): number => median(loads.map((one) => percentile(one.latencies, share)));
    const shown = [0.5, 0.99].map((share) => ({
      added: (of(through, share) - of(past, share)).toFixed(2),
      gateway: of(through, share).toFixed(2),
      direct: of(past, share).toFixed(2),
    }));
    const [p50, p99] = shown;
    console.log(
      `added latency at ${rate} calls/s (ms, medians of ${ROUNDS} rounds of ${SECONDS} s): ` +
        `p50 ${p50?.added} (${p50?.gateway} less ${p50?.direct} direct), p99 ${p99?.added} (${p99?.gateway} less ${p99?.direct} direct); budget at 1,000: 2 and 8${through.every(carried) ? '' : '; not every round was carried'}`,
    );
    return;
  }
}
