/**
 * What a test needs of the machine beyond Node: looked for, and with `CI=true` obtained where that is possible.
 * Guarantees: with `CI=true` a need that can be had here is there or the test file fails; a skip then means
 * "not possible here", in these words, which the runner lets pass.
 */
import { execFile } from 'node:child_process';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '@sallyport/local/nats-binary.ts';
import { IMPOSSIBLE } from '@sallyport/local/test-report.ts';
import { inTurn } from './turns.ts';

const run = promisify(execFile);

export type Need = 'python3' | 'go' | 'chromium' | 'faketime';
/** `skip` goes into the test's options as it is; `path` is the program, empty when it is missing */
export type Met = { skip: string | false; path: string };

const PROGRAMS: Record<Need, string[]> = {
  python3: ['python3'],
  go: ['go'],
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
  faketime: ['faketime'],
};
const PACKAGES: Record<Need, string[]> = {
  python3: ['python3', 'python3-venv'],
  go: ['golang-go'],
  chromium: ['chromium'],
  faketime: ['faketime'],
};

async function works(need: Need, path: string): Promise<boolean> {
  if (need !== 'python3') return true;
  const script = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))';
  return run(path, ['-c', script]).then(
    () => true,
    () => false,
  );
}

async function find(need: Need): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const program of PROGRAMS[need]) {
      const path = join(folder, program);
      if (folder !== '' && (await stat(path).catch(() => undefined)) && (await works(need, path))) return path;
    }
  }
  return undefined;
}

async function canInstall(): Promise<boolean> {
  return process.getuid?.() === 0 && Boolean(await stat('/usr/bin/apt-get').catch(() => undefined));
}

async function install(need: Need): Promise<string | undefined> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { env });
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES[need]], { env, maxBuffer: 64 * 1024 * 1024 });
  return find(need);
}

export async function requires(need: Need): Promise<Met> {
  const found = await find(need);
  if (found) return { skip: false, path: found };
  if (process.env['CI'] !== 'true') return { skip: `${need} is not installed`, path: '' };
  if (!(await canInstall())) return { skip: `${IMPOSSIBLE}: ${need} is not installed, and installing it takes root and apt-get`, path: '' };
  // The package manager refuses a second one beside it.
  const installed = await inTurn('apt', async () => (await find(need)) ?? (await install(need)));
  if (!installed) throw new Error(`${need} was installed and is not found`);
  return { skip: false, path: installed };
}

export type PythonPackages = { install: string[]; constraints?: string };

/**
 * The interpreter of a virtual environment with these packages, made once per set of arguments and kept in the
 * user's cache folder. `install` are pip's arguments (names with versions, paths), `constraints` a file.
 */
export async function pythonEnvironment(python: string, { install: packages, constraints }: PythonPackages): Promise<string> {
  const key = createHash('sha256')
    .update(JSON.stringify([python, packages, constraints]))
    .digest('hex')
    .slice(0, 16);
  const folder = join(cacheFolder(), 'python', key);
  const interpreter = join(folder, 'bin', 'python');
  // Two test files that want the same at once must not make it in each other's way.
  return inTurn(`python-${key}`, async () => {
    if (await stat(join(folder, 'complete')).catch(() => undefined)) return interpreter;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await run(python, ['-m', 'venv', folder]);
    const limits = constraints === undefined ? [] : ['--constraint', constraints];
    await run(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...limits, ...packages], {
      maxBuffer: 64 * 1024 * 1024,
    });
    await writeFile(join(folder, 'complete'), '');
    return interpreter;
  });
}
