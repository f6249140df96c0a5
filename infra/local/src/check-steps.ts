/**
 * The guards of the repository, each as something that can be run on any copy of it: `npm run check` runs them
 * here, their test on a copy with every forbidden thing planted.
 */
import { spawn } from 'node:child_process';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Outcome = { ok: boolean; output: string };
export type Step = { name: string; run(root: string): Promise<Outcome> };

const MAX_LINES = 500;
const SOURCES = ['{libs,services,infra,e2e}/**/*.{ts,mjs,py,sh}'];

function command(name: string, program: string, args: string[]): Step {
  return {
    name,
    run: (root) =>
      new Promise((resolve) => {
        // Inside a test a runner would take itself for a part of it, and its failures for somebody else's.
        const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
        const env = { ...inherited, NO_COLOR: '1', FORCE_COLOR: '0', TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
        const child = spawn(join(root, 'node_modules', '.bin', program), args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
        let output = '';
        const keep = (data: Buffer): void => {
          output += data.toString('utf8');
        };
        child.stdout.on('data', keep);
        child.stderr.on('data', keep);
        child.once('error', (error) => resolve({ ok: false, output: error.message }));
        child.once('close', (code) => resolve({ ok: code === 0, output }));
      }),
  };
}

function found(lines: string[]): Outcome {
  return { ok: lines.length === 0, output: lines.join('\n') };
}

/** The linter counts lines of TypeScript only. */
const lengths: Step = {
  name: 'file lengths',
  async run(root) {
    const long: string[] = [];
    const skip = (name: string): boolean => ['node_modules', '.venv', '.sallyport'].includes(name);
    for await (const path of glob(SOURCES, { cwd: root, exclude: skip })) {
      const lines = (await readFile(join(root, path), 'utf8')).split('\n').length - 1;
      if (lines > MAX_LINES) long.push(`${path}: ${lines} lines, ${MAX_LINES} are allowed`);
    }
    return found(long);
  },
};

type Locked = { resolved?: string; link?: boolean; optionalDependencies?: Record<string, string> };

/**
 * An address in the lock file would tie every installation to one registry. An optional package that it leaves out
 * makes `npm ci` refuse the whole file (`infra/local/complete-lock.mjs` puts it back).
 */
const lockFile: Step = {
  name: 'lock file',
  async run(root) {
    const { packages }: { packages: Record<string, Locked> } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
    const lines = Object.entries(packages).flatMap(([path, entry]) => {
      const address = entry.resolved !== undefined && !entry.link ? [`package-lock.json: ${path} has the address ${entry.resolved}`] : [];
      const missing = Object.keys(entry.optionalDependencies ?? {}).filter(
        (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
      );
      return [...address, ...missing.map((name) => `package-lock.json: ${name}, optional for ${path}, is missing`)];
    });
    return found(lines);
  },
};

/** The test lies with the facts; without it nothing would be frozen, and the runner would not mind. */
const frozenFacts: Step = {
  name: 'frozen facts',
  async run(root) {
    const files: string[] = [];
    for await (const path of glob('libs/contracts/test/frozen*.test.ts', { cwd: root })) files.push(path);
    if (files.length === 0) return { ok: false, output: 'no test libs/contracts/test/frozen*.test.ts' };
    return command('frozen facts', 'node', ['--test', '--test-reporter=spec', ...files]).run(root);
  },
};

export const STEPS: Step[] = [
  lockFile,
  lengths,
  command('format', 'biome', ['format', '--reporter=summary', '--max-diagnostics=none', '.']),
  command('types', 'tsc', ['-p', 'tsconfig.json', '--noEmit', '--pretty', 'false']),
  command('lint', 'oxlint', ['--type-aware', '--deny-warnings']),
  command('boundaries', 'turbo', ['boundaries']),
  command('knip', 'knip', ['--no-progress', '--no-config-hints']),
  frozenFacts,
];

export function step(name: string): Step {
  const one = STEPS.find((candidate) => candidate.name === name);
  if (!one) throw new Error(`no step ${name}`);
  return one;
}
