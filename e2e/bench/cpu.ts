/** Processor time of processes and cores (Linux), and pinning by `taskset`. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TICK_US = 10_000;

/** User and system time of a process so far, microseconds. */
export function cpuOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

export interface CoreTimes {
  busy: number;
  all: number;
}

export function cores(): CoreTimes[] {
  return readFileSync('/proc/stat', 'utf8')
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

export function pin(pid: number, core: number): void {
  execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
}
