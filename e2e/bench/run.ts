/**
 * `npm run bench`: throughput and CPU time per call, added latency, kill switch. `npm run bench -- throughput` (or `latency`, `kill-switch`) runs
 * one part. Prints what it measured, met or not; whatever else runs on this machine shows in it.
 */
import { addedLatency } from './added-latency.ts';
import { startArrivals } from './arrivals.ts';
import { GATEWAY_CORE, OTHER_CORE, pinForOne, stage, start } from './stage.ts';
import { pin } from './cpu.ts';
import { killSwitch } from './kill-switch.ts';
import { throughput } from './throughput.ts';

const PARTS = ['throughput', 'latency', 'kill-switch'];
const GATEWAYS = 4;

async function withOneGateway(parts: readonly string[]): Promise<void> {
  const upstream = await start('upstream.ts');
  const bare = await start('pass-through.ts', `http://127.0.0.1:${upstream.port}`);
  try {
    const stands = await stage({ gateways: 1, upstream: `http://127.0.0.1:${upstream.port}` });
    try {
      pinForOne(stands);
      pin(upstream.pid, OTHER_CORE);
      pin(bare.pid, GATEWAY_CORE);
      if (parts.includes('throughput')) await throughput(stands, bare);
      if (parts.includes('latency')) await addedLatency(stands, upstream.port);
    } finally {
      await stands.stop();
    }
  } finally {
    upstream.child.kill();
    bare.child.kill();
  }
}

async function withSeveral(): Promise<void> {
  const arrivals = await startArrivals();
  try {
    const stands = await stage({ gateways: GATEWAYS, upstream: `http://127.0.0.1:${arrivals.port}` });
    try {
      await killSwitch(stands, arrivals);
    } finally {
      await stands.stop();
    }
  } finally {
    arrivals.stop();
  }
}

const asked = process.argv.slice(2);
const unknown = asked.filter((part) => !PARTS.includes(part));
if (unknown.length > 0) {
  console.error(`usage: npm run bench [-- ${PARTS.join(' | ')}]`);
  process.exitCode = 1;
} else {
  const parts = asked.length > 0 ? asked : PARTS;
  if (parts.some((part) => part !== 'kill-switch')) await withOneGateway(parts);
  if (parts.includes('kill-switch')) await withSeveral();
}
