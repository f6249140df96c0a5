/** What every measurement stands on: the platform, pinned; an upstream; an operator with a connection to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { type Constellation, constellation } from '@sallyport/testing/constellation.ts';
import { connectGithub } from '../support/agent.ts';
import { type Api, apiOf } from '../support/api.ts';
import { ROOT } from '../support/python.ts';
import { giveWay, pin } from './cpu.ts';

export const [GATEWAY_CORE, OTHER_CORE] = [0, 1];

/** Needed for no answer: they follow the log, and may do so later. */
const READ_MODELS = /^(audit|detectors(-\d+)?|passports|vault|postgres)$/;

export const CALL = { service: 'github', method: 'GET', url: 'https://api.github.com/repos/acme/sandbox/issues', query: { state: 'open' } };

export interface Started {
  child: ChildProcess;
  pid: number;
  port: number;
}

export interface Stage {
  platform: Constellation;
  operator: Api;
  ports: number[];
  stop(): Promise<void>;
}

/** A script of this folder, which prints its port. */
export async function start(script: string, ...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, [join(ROOT, 'e2e/bench', script), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('no output');
  const [line] = await once(child.stdout, 'data');
  return { child, pid: child.pid ?? 0, port: Number(String(line).trim()) };
}

export async function stage(options: { gateways: number; upstream: string }): Promise<Stage> {
  if (cpus().length < 2) throw new Error('the benchmark needs two cores');
  const platform = await constellation({ gateways: options.gateways, env: { SALLYPORT_RATE_LIMITS: 'off' } });
  const operator = apiOf(platform.baseUrl, platform.apiKey);
  try {
    await connectGithub(operator, options.upstream);
  } catch (error) {
    await platform.stop();
    throw error;
  }
  return { platform, operator, ports: platform.gateways.map((url) => Number(new URL(url).port)), stop: () => platform.stop() };
}

/** One gateway alone on its core; everything else on the other, where read models give way to the load, the upstream and NATS. */
export function pinForOne({ platform }: Stage): void {
  // First, because it holds for descendants, and the platform's processes are this one's.
  pin(process.pid, OTHER_CORE);
  for (const [name, pid] of Object.entries(platform.processes())) {
    pin(pid, name === 'gateway' ? GATEWAY_CORE : OTHER_CORE);
    if (READ_MODELS.test(name)) giveWay(pid);
  }
}
