/** Processor time of processes and cores, pinning and niceness (Linux). What is said of a process holds for its threads and descendants. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Time on a processor of all threads so far, microseconds; descendants not included. */
export function cpuOf(pid: number): number {
  let nanos = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) nanos += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]);
  return nanos / 1000;
}

export interface CoreTimes {
  busy: number;
  all: number;
}

export function cores(): CoreTimes[] {
  return read('/proc/stat')
    .split('\n')
    .filter((line) => /^cpu\d/.test(line))
    .map((line) => {
      const times = line.trim().split(/\s+/).slice(1, 9).map(Number);
      const all = times.reduce((sum, one) => sum + one, 0);
      return { all, busy: all - (times[3] ?? 0) - (times[4] ?? 0) };
    });
}

/** Share of time that each core was busy between two readings. */
export function busyShares(before: CoreTimes[], after: CoreTimes[]): number[] {
  return after.map((core, i) => (core.busy - (before[i]?.busy ?? 0)) / Math.max(1, core.all - (before[i]?.all ?? 0)));
}

/** The process and its descendants, as they are now. */
function family(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const text = read(`/proc/${name}/stat`);
    const parent = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

export function pin(pid: number, core: number): void {
  for (const one of family(pid)) quietly(() => execFileSync('taskset', ['-a', '-p', '-c', String(core), String(one)], { stdio: 'ignore' }));
}

/** Gives way to everything else on its core. */
export function giveWay(pid: number): void {
  for (const one of family(pid))
    quietly(() => {
      for (const thread of readdirSync(`/proc/${one}/task`)) setPriority(Number(thread), 19);
    });
}

// A process of the family may have ended meanwhile.
function quietly(act: () => void): void {
  try {
    act();
  } catch {}
}
