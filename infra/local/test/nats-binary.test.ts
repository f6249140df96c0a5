import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { findNatsServer, recentEnough } from '../src/nats-binary.ts';

const PROGRAM = '#!/bin/sh\necho "nats-server: v2.15.2"\n';
const ARCHIVE = `nats-server-v2.15.2-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}.tar.gz`;

function tarGz(path: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write(`${Buffer.byteLength(content).toString(8).padStart(11, '0')}\0`, 124);
  header.write('0', 156);
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512);
  body.write(content);
  return gzipSync(Buffer.concat([header, body, Buffer.alloc(1024)]));
}

const archive = tarGz(`nats-server-v2.15.2/nats-server`, PROGRAM);
const goodSum = createHash('sha256').update(archive).digest('hex');
let published = '';
let asked: string[] = [];
const mirror = createServer((request, response) => {
  asked.push(request.url ?? '');
  if (request.url?.endsWith('/SHA256SUMS')) response.end(`${published}\n`);
  else response.end(archive);
});
let base = '';
let cache = '';

before(async () => {
  await new Promise<void>((resolve) => mirror.listen(0, '127.0.0.1', resolve));
  const address = mirror.address();
  base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/mirror/`;
});
after(async () => {
  mirror.closeAllConnections();
  mirror.close();
  await rm(cache, { recursive: true, force: true });
});

async function environment(): Promise<NodeJS.ProcessEnv> {
  await rm(cache, { recursive: true, force: true });
  cache = await mkdtemp(join(tmpdir(), 'sallyport-cache-'));
  asked = [];
  // No Go and no server of this machine's.
  return { PATH: cache, XDG_CACHE_HOME: cache, SALLYPORT_NATS_RELEASES: base };
}

test('given a mirror with the right sum, when searched, then the server is unpacked into the cache and found there again', async () => {
  const env = await environment();
  published = `${'0'.repeat(64)}  other.tar.gz\n${goodSum}  ${ARCHIVE}`;
  const path = await findNatsServer({ say: () => undefined, env });
  assert.equal(await readFile(path, 'utf8'), PROGRAM);
  assert.equal((await stat(path)).mode & 0o777, 0o755);
  assert.ok(path.startsWith(cache));
  const questions = asked.length;
  assert.equal(await findNatsServer({ say: () => undefined, env }), path);
  assert.equal(asked.length, questions);
});

test('given a mirror with a wrong sum, when searched, then it is refused and nothing is kept', async () => {
  const env = await environment();
  published = `${'a'.repeat(64)}  ${ARCHIVE}`;
  await assert.rejects(findNatsServer({ say: () => undefined, env }), /does not match its SHA256SUMS/);
  await assert.rejects(findNatsServer({ say: () => undefined, env }), /does not match its SHA256SUMS/);
});

test('given a mirror without an entry for the archive, when searched, then it is refused', async () => {
  const env = await environment();
  published = `${goodSum}  other.tar.gz`;
  await assert.rejects(findNatsServer({ say: () => undefined, env }), /expected an entry, found none/);
});

test('given no mirror, no Go and nothing cached, when searched, then the error names the ways', async () => {
  const env = { ...(await environment()), SALLYPORT_NATS_RELEASES: 'http://127.0.0.1:9/' };
  await assert.rejects(
    findNatsServer({ say: () => undefined, env }),
    /SALLYPORT_NATS_SERVER=.*SALLYPORT_NATS_RELEASES=.*install Go.*NATS_URL/s,
  );
});

test('given a version, when older than 2.14, then it is not used', () => {
  assert.equal(recentEnough('nats-server: v2.13.9'), false);
  assert.equal(recentEnough('nats-server: v2.14.0'), true);
  assert.equal(recentEnough('nats-server: v3.0.1'), true);
  assert.equal(recentEnough('no version'), false);
});
