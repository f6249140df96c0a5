/**
 * Completes package-lock.json with the optional packages of other platforms: `node infra/local/complete-lock.mjs`
 * after an `npm install` on a registry that does not carry all of them. npm leaves out what it cannot see, and
 * `npm ci` then refuses the file on every platform. Such an entry has no integrity; npm adds it where it can.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(new URL('../../package-lock.json', import.meta.url));
const lock = JSON.parse(readFileSync(path, 'utf8'));

const SYSTEMS = {
  darwin: 'darwin',
  linux: 'linux',
  win32: 'win32',
  windows: 'win32',
  android: 'android',
  freebsd: 'freebsd',
  openharmony: 'openharmony',
};
const PROCESSORS = { arm64: 'arm64', x64: 'x64', 64: 'x64', ia32: 'ia32', s390x: 's390x', riscv64: 'riscv64', ppc64: 'ppc64', arm: 'arm' };

function of(words, table) {
  const word = words.find((candidate) => candidate in table);
  return word === undefined ? undefined : [table[word]];
}

let added = 0;
for (const [owner, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (lock.packages[`node_modules/${name}`] || lock.packages[`${owner}/node_modules/${name}`]) continue;
    const words = name.split(/[/-]/);
    const os = of(words, SYSTEMS);
    const cpu = of(words, PROCESSORS);
    if (!os || !cpu || !/^\d/.test(version)) throw new Error(`${name}@${version}, wanted by ${owner}, does not name its platform`);
    const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : words.includes('gnu') ? ['glibc'] : undefined;
    lock.packages[`node_modules/${name}`] = { version, cpu, ...(entry.dev && { dev: true }), ...(libc && { libc }), optional: true, os };
    added++;
  }
}
const [root, ...rest] = Object.entries(lock.packages);
lock.packages = Object.fromEntries([root, ...rest.sort(([a], [b]) => a.localeCompare(b, 'en'))]);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} added`);
