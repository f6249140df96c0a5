/**
 * Whether node_modules is what package-lock.json says, and `npm ci` when it is not. Plain JavaScript for
 * Node 20 and later, with nothing installed. npm's own record of what it installed is compared, so an
 * `npm install` by hand does not cause a second one here, and an interrupted one does.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param {{packages: Record<string, {version?: string, integrity?: string, link?: boolean, optional?: boolean, peer?: boolean}>}} wanted package-lock.json
 * @param {{packages?: Record<string, {version?: string, integrity?: string}>} | undefined} present node_modules/.package-lock.json
 * @returns {boolean}
 */
export function isInstalled(wanted, present) {
  if (!present?.packages) return false;
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (!path.includes('node_modules/')) continue;
    const have = present.packages[path];
    // Optional packages are those of other platforms.
    if (!have && entry.optional) continue;
    if (!have) return false;
    if (!entry.link && (have.version !== entry.version || have.integrity !== entry.integrity)) return false;
  }
  return true;
}

function json(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The Node of the root dependency; undefined when it is not there or does not run. */
function ownNode(root) {
  const path = join(root, 'node_modules', '.bin', 'node');
  if (!existsSync(path)) return undefined;
  const answer = spawnSync(path, ['--version'], { encoding: 'utf8' });
  const major = Number(/^v(\d+)\./.exec(answer.stdout ?? '')?.[1]);
  return major >= 26 ? path : undefined;
}

function npm(root, args, say) {
  return new Promise((resolve) => {
    const started = Date.now();
    const progress = setInterval(() => say(`still installing (${Math.round((Date.now() - started) / 1000)} s)`), 10_000);
    // The npm that runs this script, if one does: on some systems it is not on PATH under its plain name.
    const runner = process.env.npm_execpath;
    const [command, first] = runner && /\.c?js$/.test(runner) ? [process.execPath, [runner]] : ['npm', []];
    const child = spawn(command, [...first, ...args], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    const done = (code) => {
      clearInterval(progress);
      resolve(code ?? 1);
    };
    child.once('error', () => done(1));
    child.once('exit', done);
  });
}

/** @returns {Promise<string>} the path of Node 26 */
export async function install(root, say) {
  const wanted = json(join(root, 'package-lock.json'));
  if (!wanted) throw new Error('package-lock.json is missing or damaged');
  if (isInstalled(wanted, json(join(root, 'node_modules', '.package-lock.json')))) {
    const node = ownNode(root);
    if (node) return node;
  }
  const count = Object.keys(wanted.packages).filter((path) => path.includes('node_modules/')).length;
  say(`installing up to ${count} packages from package-lock.json (npm ci)`);
  const started = Date.now();
  if ((await npm(root, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], say)) !== 0)
    throw new Error('npm ci failed; its message is above');
  say(`installed in ${Math.round((Date.now() - started) / 1000)} s`);
  const node = ownNode(root);
  if (node) return node;
  // Where install scripts are switched off, the package `node` has not fetched its program yet.
  await npm(root, ['rebuild', 'node', '--ignore-scripts=false', '--foreground-scripts'], say);
  const late = ownNode(root);
  if (!late) throw new Error('the package "node" did not provide Node 26 for this platform');
  return late;
}
