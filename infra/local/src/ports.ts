/**
 * Free TCP ports on the loopback interface. A port is free at the moment of asking only: whoever binds it later
 * must be ready to lose the race. In a test run (`TEST_RUN_FOLDER`) each is given once, so that no two of its processes
 * find the same one free before either has bound it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

async function isOurs(port: number): Promise<boolean> {
  const run = process.env['TEST_RUN_FOLDER'];
  if (!run) return true;
  const given = join(run, 'ports');
  await mkdir(given, { recursive: true });
  try {
    await writeFile(join(given, String(port)), '', { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

// Below the range from which systems hand out ports for outgoing connections, so nothing takes one by accident.
const LOWEST = 20_000;
const COUNT = 12_000;

export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    if ((await isFree(port)) && (await isOurs(port))) return port;
  }
  throw new Error('no free TCP port found');
}

/** The wanted port, or the next free one above it. */
export async function portFrom(wanted: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let port = wanted; port < Math.min(wanted + 200, 65_536); port++) {
    if (!taken.has(port) && (await isFree(port)) && (await isOurs(port))) return port;
  }
  return freePort();
}
