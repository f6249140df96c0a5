/**
 * The door of every npm script: installs what package-lock.json says when needed, then hands over to Node 26.
 * Plain JavaScript for Node 20 and later, with nothing installed. It outlives its child and ends it when it is
 * asked to end; when it is killed outright the child sees its pipe close and ends by itself.
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from './install.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const entries = {
  start: 'infra/local/src/start.ts',
  test: 'infra/local/src/test.ts',
  check: 'infra/local/src/check.ts',
  reset: 'infra/local/src/reset.ts',
  bench: 'e2e/bench/run.ts',
  'test:faults': 'e2e/faults/run.ts',
};

const [task = '', ...rest] = process.argv.slice(2);
const entry = entries[task];

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}

function handOver(node, script) {
  const env = { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`, RUN_PIPE: '3' };
  const child = spawn(node, [join(root, script), ...rest], { cwd: root, env, stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
  child.stdio[3]?.on('error', () => undefined);
  // A terminal sends Ctrl-C to the child as well; passing it on would count twice.
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGTERM'));
  child.once('error', (error) => fail(`cannot run ${node}: ${error.message}`));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? (signal ? 1 : 0);
    process.exit();
  });
  // npm itself killed outright: nobody is left to ask us to end.
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event === task) {
    setInterval(() => {
      if (process.ppid !== parent) child.kill('SIGTERM');
    }, 1000).unref();
  }
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 20) fail(`Node 20 or later is needed to begin with; this is ${process.version}.`);
else if (!entry) fail(`usage: node infra/local/run.mjs ${Object.keys(entries).join('|')}`);
else {
  try {
    handOver(await install(root, (line) => console.log(`· ${line}`)), entry);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}
