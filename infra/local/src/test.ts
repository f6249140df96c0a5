/**
 * `npm test`: the check, then every test file on real servers, then a look at what was left behind.
 * Guarantees: unit and integration files three at a time, end-to-end files two, faults one after another; one PostgreSQL for all, and one platform for
 * the end-to-end files that need none of their own; no process and no folder stays; a file that failed is run once more (ADR 69); the last line counts.
 * A word after `--` picks files and skips the check.
 */
import { spawn } from 'node:child_process';
import { chmod, glob, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { run } from 'node:test';
import { findNatsServer } from './nats-binary.ts';
import { onParentEnd } from './parent.ts';
import type { StartedPostgres } from './postgres.ts';
import { endStrays } from './strays.ts';
import { REPOSITORY } from './services.ts';
import { sharedPlatform } from './test-platform.ts';
import { secondTry } from './second-try.ts';
import { type Failure, report, type Tally } from './test-report.ts';
import { testServer } from './test-server.ts';

const UNIT = ['libs/*/test/**/*.test.ts', 'services/*/test/**/*.test.ts', 'infra/*/test/**/*.test.ts'];
const E2E = ['e2e/**/*.test.ts'];
/** These count seconds, and have the machine for themselves. */
const FAULTS = ['e2e/faults/*.test.ts'];
/** Waits for a minute nearly all of its time: runs beside the others and takes the place of none. */
const WAITING = 'e2e/acceptance/passports.test.ts';
/** Go first, so that nothing waits for one of them alone at the end. */
const LONGEST = [
  'guards.test.ts',
  'start.test.ts',
  'two-processes.test.ts',
  'worker.test.ts',
  'lapse.test.ts',
  'leases.test.ts',
  'races.test.ts',
  'lives.test.ts',
  'contract.test.ts',
  'pages.test.ts',
  'story.test.ts',
];
const UNIT_TIMEOUT_MS = 180_000;
const E2E_TIMEOUT_MS = 420_000;

const stopping = new AbortController();
const words = process.argv.slice(2);
const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
let failures: Failure[] = [];
let unsteady: Failure[] = [];

async function files(patterns: string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob(patterns, { cwd: REPOSITORY, exclude: (name) => name === 'node_modules' })) {
    if (words.length === 0 || words.some((word) => path.includes(word))) found.push(join(REPOSITORY, path));
  }
  const rank = (path: string): number => (LONGEST.includes(basename(path)) ? LONGEST.indexOf(basename(path)) : LONGEST.length);
  return found.sort().sort((a, b) => rank(a) - rank(b));
}

function fail(what: string): void {
  tally.failed++;
  failures.push({ path: null, what });
  console.log(`✖ ${what}`);
}

function check(): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(REPOSITORY, 'infra/local/src/check.ts')], {
      cwd: REPOSITORY,
      stdio: 'inherit',
      signal: stopping.signal,
    });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}

async function runFiles(
  title: string,
  paths: string[],
  concurrency: number,
  timeout: number,
  { into = tally, failed = (failure: Failure): unknown => failures.push(failure) } = {},
): Promise<void> {
  if (paths.length === 0 || stopping.signal.aborted) return;
  console.log(`\n${title}: ${paths.length} files`);
  await report(run({ files: paths, concurrency, timeout, signal: stopping.signal, isolation: 'process' }), into, {
    root: REPOSITORY,
    ci: process.env['CI'] === 'true',
    failed,
  });
}

async function endToEnd(dataDir: string): Promise<void> {
  const faults = await files(FAULTS);
  const walks = (await files(E2E)).filter((path) => !faults.includes(path));
  if (stopping.signal.aborted) return;
  // A file that runs alone starts what it needs.
  const shared = walks.length > 1 ? await sharedPlatform(dataDir, stopping.signal, fail) : undefined;
  try {
    if (shared) process.env['TEST_PLATFORM'] = shared.told;
    const waits = (path: string): boolean => path.endsWith(WAITING);
    await Promise.all([
      runFiles('end to end, waiting', walks.filter(waits), 1, E2E_TIMEOUT_MS),
      runFiles(
        'end to end',
        walks.filter((path) => !waits(path)),
        2,
        E2E_TIMEOUT_MS,
      ),
    ]);
  } finally {
    delete process.env['TEST_PLATFORM'];
    await shared?.stop();
  }
}

async function tryAgain(): Promise<void> {
  const again = (path: string, into: Tally): Promise<void> =>
    runFiles('once more', [path], 1, E2E_TIMEOUT_MS, { into, failed: () => undefined });
  const ended = await secondTry(failures, tally, again);
  failures = ended.failed;
  unsteady = ended.unsteady;
}

async function cleanUp(folder: string): Promise<void> {
  for (const stray of await endStrays(folder)) fail(`a process was left behind: ${stray}`);
  for (const name of await readdir(folder)) {
    if (name.startsWith('sallyport-')) fail(`a folder was left behind: ${name}`);
  }
  await rm(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  if (words.length === 0) {
    if (await check()) tally.passed++;
    else fail('npm run check');
  }
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  await chmod(folder, 0o711);
  let server: StartedPostgres | undefined;
  try {
    process.env['TMPDIR'] = folder;
    process.env['TEST_RUN_FOLDER'] = folder;
    // Some two hundred processes load the same modules: the first of them compiles and strips them for all.
    process.env['NODE_COMPILE_CACHE'] = join(folder, 'compile-cache');
    process.env['SALLYPORT_NATS_SERVER'] = await findNatsServer({ say: (line) => console.log(`· ${line}`) });
    server = await testServer(join(folder, 'shared'));
    process.env['TEST_DATABASE_URL'] = server.url;
    await runFiles('unit and integration', await files(UNIT), 3, UNIT_TIMEOUT_MS);
    await endToEnd(join(folder, 'platform'));
    await runFiles('faults', await files(FAULTS), 1, E2E_TIMEOUT_MS);
    if (words.length === 0) await tryAgain();
  } finally {
    await server?.stop();
    await cleanUp(folder);
  }
}

const end = (): void => stopping.abort();
process.on('SIGINT', end);
process.on('SIGTERM', end);
onParentEnd(end);

try {
  await main();
} catch (error) {
  fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
if (stopping.signal.aborted) fail('stopped before the end');
const listed = (title: string, some: Failure[]): void => {
  if (some.length > 0) console.log(`\n${title}:\n${some.map(({ what }) => `✖ ${what}`).join('\n')}`);
};
listed('unsteady, passed at the second try', unsteady);
listed('failed', failures);
console.log(
  `\n${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped${unsteady.length > 0 ? `, ${unsteady.length} unsteady` : ''}`,
);
process.exit(tally.failed === 0 ? 0 : 1);
