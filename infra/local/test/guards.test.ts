import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { type Outcome, step } from '../src/check-steps.ts';
import { REPOSITORY } from '../src/services.ts';

// Compilers and linters take every core they find: what runs beside them counts milliseconds.
setPriority(5);

/** A copy of the repository whose workspaces are its own and whose other packages are the real ones. */
const copy = await scratchFolder('guards');
after(() => removeFolder(copy));

const LEFT_OUT = new Set(['node_modules', '.git', '.sallyport', '.turbo', '.venv', 'docs']);

async function workspaces(): Promise<void> {
  await mkdir(join(copy, 'node_modules', '@sallyport'), { recursive: true });
  for (const name of await readdir(join(REPOSITORY, 'node_modules'))) {
    if (name !== '@sallyport') await symlink(join(REPOSITORY, 'node_modules', name), join(copy, 'node_modules', name));
  }
  for (const group of ['libs', 'services', 'infra']) {
    for (const folder of await readdir(join(copy, group))) {
      const text = await readFile(join(copy, group, folder, 'package.json'), 'utf8').catch(() => '{}');
      const name = /"name": "@sallyport\/([^"]+)"/.exec(text)?.[1];
      if (name) await symlink(join('..', '..', group, folder), join(copy, 'node_modules', '@sallyport', name));
    }
  }
}

async function plant(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(copy, path)), { recursive: true });
  await writeFile(join(copy, path), text);
}

/** Adds a dependency to a package's manifest; answers how to take it back. */
async function depend(folder: string, name: string): Promise<() => Promise<void>> {
  const path = join(copy, folder, 'package.json');
  const text = await readFile(path, 'utf8');
  const manifest: { dependencies?: Record<string, string> } = JSON.parse(text);
  await writeFile(path, JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, [name]: '1.0.0' } }, null, 2));
  return () => writeFile(path, text);
}

before(async () => {
  await cp(REPOSITORY, copy, { recursive: true, filter: (source) => !LEFT_OUT.has(basename(source)) });
  await workspaces();
});

/** The report names the planted file and says what is wrong with it, close to each other. */
function assertCaught({ ok, output }: Outcome, path: string, why: RegExp): void {
  assert.equal(ok, false);
  const lines = output.split('\n');
  const near = lines.flatMap((line, index) => (line.includes(path) ? [lines.slice(Math.max(0, index - 4), index + 5).join('\n')] : []));
  assert.ok(
    near.some((text) => why.test(text)),
    `${path} was not caught for ${why}:\n${near.join('\n--\n') || output.slice(-2000)}`,
  );
}

const FORBIDDEN: { what: string; path: string; text: string; why: RegExp }[] = [
  {
    what: 'a floating promise',
    path: 'libs/bus/src/planted-1.ts',
    text: 'async function work(): Promise<void> {}\nexport function go(): void {\n  work();\n}\n',
    why: /no-floating-promises/,
  },
  {
    what: 'a floating promise in a test',
    path: 'libs/bus/test/planted-2.test.ts',
    text: 'async function work(): Promise<void> {}\nwork();\n',
    why: /no-floating-promises/,
  },
  {
    what: 'a switch that misses a case',
    path: 'libs/policy/src/planted-3.ts',
    text: "export function f(x: 'a' | 'b'): number {\n  switch (x) {\n    case 'a':\n      return 1;\n  }\n  return 0;\n}\n",
    why: /switch-exhaustiveness-check/,
  },
  { what: 'any', path: 'services/vault/src/planted-4.ts', text: 'export const x: any = 1;\n', why: /no-explicit-any/ },
  {
    what: 'NATS outside bus',
    path: 'services/passports/src/planted-5.ts',
    text: "export { connect } from '@nats-io/transport-node';\n",
    why: /no-restricted-imports/,
  },
  {
    what: 'NATS in service-kit',
    path: 'libs/service-kit/src/planted-6.ts',
    text: "export { headers } from '@nats-io/nats-core';\n",
    why: /no-restricted-imports/,
  },
  {
    what: 'pg outside db and projections',
    path: 'services/audit/src/operations/planted-7.ts',
    text: "import pg from 'pg';\nexport const x = pg.Pool;\n",
    why: /no-restricted-imports/,
  },
  {
    what: 'Kysely outside db and projections',
    path: 'services/passports/src/operations/planted-8.ts',
    text: "export { sql } from 'kysely';\n",
    why: /no-restricted-imports/,
  },
  {
    what: 'jose in the gateway',
    path: 'services/gateway/src/planted-9.ts',
    text: "export { jwtVerify } from 'jose';\n",
    why: /no-restricted-imports/,
  },
  {
    what: 'jose in a projection of passports',
    path: 'services/passports/src/projections/planted-10.ts',
    text: "export { jwtVerify } from 'jose';\n",
    why: /no-restricted-imports/,
  },
  {
    what: 'a service imported by name',
    path: 'services/gateway/src/planted-11.ts',
    text: "export * from '@sallyport/vault/deps.ts';\n",
    why: /no-restricted-imports/,
  },
  {
    what: 'a service imported by path',
    path: 'services/gateway/src/planted-12.ts',
    text: "export * from '../../../services/vault/src/deps.ts';\n",
    why: /no-restricted-imports/,
  },
  {
    what: 'test code in a source file',
    path: 'services/gateway/src/planted-13.ts',
    text: "export { eventually } from '@sallyport/testing/time.ts';\n",
    why: /no-restricted-imports/,
  },
  {
    what: 'NATS in a pure library',
    path: 'libs/admission/src/planted-14.ts',
    text: "export { headers } from '@nats-io/nats-core';\n",
    why: /no-restricted-imports/,
  },
  ...['contracts', 'admission', 'audit-chain', 'policy', 'features'].flatMap((name) => [
    {
      what: `the clock in ${name}`,
      path: `libs/${name}/src/planted-date.ts`,
      text: 'export const now = (): number => Date.now();\n',
      why: /no-restricted-globals/,
    },
    {
      what: `randomness in ${name}`,
      path: `libs/${name}/src/planted-random.ts`,
      text: 'export const roll = (): number => Math.random();\n',
      why: /no-restricted-properties/,
    },
    {
      what: `the process in ${name}`,
      path: `libs/${name}/src/planted-process.ts`,
      text: "export const x = (): string | undefined => process.env['X'];\n",
      why: /no-restricted-globals/,
    },
    {
      what: `the network in ${name}`,
      path: `libs/${name}/src/planted-fetch.ts`,
      text: "export const x = (): Promise<Response> => fetch('http://127.0.0.1');\n",
      why: /no-restricted-globals/,
    },
    {
      what: `files in ${name}`,
      path: `libs/${name}/src/planted-files.ts`,
      text: "export { readFile } from 'node:fs/promises';\n",
      why: /no-restricted-imports/,
    },
  ]),
  {
    what: 'sockets in a pure library',
    path: 'libs/policy/src/planted-net.ts',
    text: "export { connect } from 'node:net';\n",
    why: /no-restricted-imports/,
  },
  {
    what: 'the clock in a domain file',
    path: 'services/passports/src/domain/planted-15.ts',
    text: 'export const now = (): number => Date.now();\n',
    why: /no-restricted-globals/,
  },
  {
    what: 'the clock by way of globalThis',
    path: 'libs/policy/src/planted-16.ts',
    text: 'export const now = (): number => globalThis.Date.now();\n',
    why: /no-restricted-(globals|properties)/,
  },
  { what: 'a file of more than 500 lines', path: 'libs/policy/src/planted-17.ts', text: 'export {};\n'.repeat(501), why: /max-lines/ },
];

test('given every forbidden thing in a source file, when linted, then each is found', async (t) => {
  for (const { path, text } of FORBIDDEN) await plant(path, text);
  const outcome = await step('lint').run(copy);
  for (const { what, path, why } of FORBIDDEN) await t.test(what, () => assertCaught(outcome, path, why));
});

test('given imports that cross packages as they should not, when boundaries are checked, then each is found', async () => {
  const undeclared = 'libs/policy/src/planted-undeclared.ts';
  const outside = 'services/gateway/src/planted-outside.ts';
  await plant(undeclared, "export { connectBus } from '@sallyport/bus/connect.ts';\n");
  await plant(outside, "export * from '../../vault/src/deps.ts';\n");
  const undo = [await depend('services/gateway', '@sallyport/vault'), await depend('libs/admission', '@sallyport/bus')];
  const outcome = await step('boundaries').run(copy);
  for (const restore of undo) await restore();
  assertCaught(outcome, undeclared, /not a dependency/);
  assertCaught(outcome, outside, /leaves the package/);
  // The report is broken into lines of a width that nobody asked for.
  const flat = outcome.output.replace(/[\s|]+/g, ' ');
  assert.match(flat, /`@sallyport\/vault` found with tag listed in denylist for `@sallyport\/gateway`/);
  assert.match(flat, /`@sallyport\/bus` found without any tag listed in allowlist for `@sallyport\/admission`/);
});

test('given a type error, a dependency nobody uses, a file nobody imports and an export nobody uses, when checked, then each is found', async () => {
  await plant('libs/policy/src/planted-types.ts', "export const x: number = 'text';\n");
  await plant('services/audit/src/planted-file.ts', 'export const lonely = 1;\n');
  await plant(
    'infra/local/src/ports.ts',
    `${await readFile(join(copy, 'infra/local/src/ports.ts'), 'utf8')}export const lonelyExport = 1;\n`,
  );
  await depend('libs/seal', 're2js');
  assertCaught(await step('types').run(copy), 'libs/policy/src/planted-types.ts', /TS2322/);
  const unused = await step('knip').run(copy);
  assert.equal(unused.ok, false);
  assert.match(unused.output, /services\/audit\/src\/planted-file\.ts/);
  assert.match(unused.output, /lonelyExport/);
  assert.match(unused.output, /re2js\s+libs\/seal\/package\.json/);
});

test('given code out of format, a long script and an address in the lock file, when checked, then each is found', async () => {
  await plant('libs/policy/src/planted-format.ts', 'export const x   = 1\n');
  await plant('e2e/planted.py', 'x = 1\n'.repeat(501));
  const locked = { 'node_modules/pg': { resolved: 'https://127.0.0.1/pg.tgz', optionalDependencies: { elsewhere: '1.0.0' } } };
  await plant('package-lock.json', JSON.stringify({ packages: locked }));
  assertCaught(await step('format').run(copy), 'libs/policy/src/planted-format.ts', /format/);
  assertCaught(await step('file lengths').run(copy), 'e2e/planted.py', /501 lines/);
  const lock = await step('lock file').run(copy);
  assertCaught(lock, 'node_modules/pg', /https:/);
  assertCaught(lock, 'elsewhere', /missing/);
});

test('given a published fact whose schema changed, when the frozen facts are checked, then it is found', async () => {
  const path = join(copy, 'libs/contracts/src/facts/calls.ts');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/Type\.Integer\(/, 'Type.String('));
  assert.notEqual(await readFile(path, 'utf8'), text);
  const { ok, output } = await step('frozen facts').run(copy);
  assert.equal(ok, false);
  assert.match(output, /AssertionError/);
});
