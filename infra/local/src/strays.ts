/**
 * Processes that a test run left: whatever has the run's folder in its command line, environment or working
 * folder. Found by that alone and ended by number; a keeper that is at its work gets a few seconds first.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

const PATIENCE_MS = 5000;

type Found = { pid: number; command: string };

async function onLinux(folder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    // A process without a command line is the kernel's, or has ended and waits for its parent.
    if (command === '') continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    const at = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if ([command, environment, at].some((text) => text.includes(folder)))
      found.push({ pid, command: command.replaceAll('\0', ' ').slice(0, 200) });
  }
  return found;
}

async function elsewhere(folder: string): Promise<Found[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'pid=,command='], { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, command] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
    return command?.includes(folder) && Number(pid) !== process.pid ? [{ pid: Number(pid), command: command.slice(0, 200) }] : [];
  });
}

/** Ends what is still there after the patience; answers what it had to end. */
export async function endStrays(folder: string, patienceMs: number = PATIENCE_MS): Promise<string[]> {
  const look = process.platform === 'linux' ? onLinux : elsewhere;
  const deadline = performance.now() + patienceMs;
  let found = await look(folder);
  while (found.length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    found = await look(folder);
  }
  for (const { pid } of found) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself between the look and the signal.
    }
  }
  return found.map(({ pid, command }) => `${pid} ${command}`);
}
