/**
 * One child process with a log file, a readiness check and an orderly end.
 * Guarantees: a child runs in a session of its own (a terminal's Ctrl-C reaches only the supervisor), writes
 * its output straight to its log file, is gone when `stop` resolves, and never outlives this process.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unwatch, watch } from './keeper.ts';

export type ProcessSpec = {
  name: string;
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** set only when the supervisor is root and the program refuses to be */
  user?: { uid: number; gid: number };
  stopSignal: 'SIGTERM' | 'SIGINT';
  logFile: string;
  /** resolves true when the process serves; asked again until a deadline */
  ready: () => Promise<boolean>;
};

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

export type Running = {
  name: string;
  pid: number;
  exited: Promise<Exit>;
  /** stop signal, then SIGKILL after `graceMs`; resolves when the process is gone */
  stop(graceMs?: number): Promise<Exit>;
};

export async function launch(spec: ProcessSpec): Promise<Running> {
  await mkdir(dirname(spec.logFile), { recursive: true });
  const log = openSync(spec.logFile, 'a', 0o600);
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: spec.env,
    detached: true,
    stdio: ['ignore', log, log],
    ...(spec.user ?? {}),
  });
  closeSync(log);
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: 127, signal: null }));
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${spec.name}: ${spec.command} cannot be run`);
  watch(pid, spec.stopSignal);
  void exited.then(() => unwatch(pid));
  return {
    name: spec.name,
    pid,
    exited,
    async stop(graceMs = 3000) {
      child.kill(spec.stopSignal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
  };
}

/** Waits until the process serves; throws when it ends or the deadline passes. The caller stops it then. */
export async function untilReady(spec: ProcessSpec, running: Running, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let gone: Exit | undefined;
  void running.exited.then((exit) => {
    gone = exit;
  });
  while (!(await spec.ready())) {
    if (gone) throw new Error(`${spec.name} ended (${gone.signal ?? `code ${gone.code}`}); its log: ${spec.logFile}`);
    if (performance.now() > deadline)
      throw new Error(`${spec.name} was not ready within ${Math.round(timeoutMs / 1000)} s; its log: ${spec.logFile}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function start(spec: ProcessSpec, timeoutMs = 30_000): Promise<Running> {
  const running = await launch(spec);
  try {
    await untilReady(spec, running, timeoutMs);
    return running;
  } catch (error) {
    await running.stop(0);
    throw error;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user is alive all the same.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
