/** What a read has seen (api.md §1.7), and pages of bare arrays (§1.3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '@sallyport/testing/time.ts';
import { type Answer, type Api, readSince } from '../../support/api.ts';
import { CALLED, callAs, furnish, pathIds, pathOf, platform } from './world.ts';

/** Nobody has any in this scope. */
const NOTHING_THERE = ['missions.download_operator_review'];
const READS = CALLED.filter(({ http, name }) => http.method === 'GET' && !NOTHING_THERE.includes(name));
const ARRAYS = READS.filter(({ response }) => typeof response === 'object' && 'items' in response && !('properties' in response));

test('36. a read waits for what its caller has seen, and says so when that is not there in 2 s', async () => {
  const f = await furnish('seen');
  assert.ok(READS.length >= 18, String(READS.length));
  const timed = async (path: string, headers: Record<string, string>): Promise<{ answer: Answer; took: number }> => {
    const from = performance.now();
    const answer = await f.operator.api('GET', path, undefined, headers);
    return { answer, took: performance.now() - from };
  };
  const paths = READS.map((operation) => pathOf(operation, ({ kind }) => f.ids[kind]));
  // What the machine takes for as many reads that wait for nothing.
  const plain = Promise.all(paths.map((path) => timed(path, {})));
  const tried = READS.map(async (operation, index) => {
    const { answer, took } = await timed(paths[index] ?? '', { 'x-min-event-seq': '900000000000' });
    const what = `${operation.name}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 200)}`;
    assert.deepEqual([answer.status, answer.body.error?.code, answer.headers.get('retry-after')], [503, 'READ_MODEL_BEHIND', '1'], what);
    const slowest = Math.max(...(await plain).map((one) => one.took));
    assert.ok(took > 1_800 && took < 6_000 + slowest, `${operation.name} took ${took} ms, the slowest of the others ${slowest} ms`);
  });
  await Promise.all(tried);
  const made = await f.operator.api('POST', '/v1/agents/register', { name: 'seen-at-once' });
  assert.match(made.headers.get('x-event-seq') ?? '', /^[1-9]\d*$/);
  for (const path of paths) {
    const answer = await readSince(f.operator.api, path, made);
    assert.ok(answer.status < 400, `${path}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 200)}`);
  }
  const listed = await readSince(f.operator.api, '/v1/agents', made);
  assert.ok(listed.body.some(({ id }: { id: string }) => id === made.body.id));
  for (const bad of ['-1', '1e3', 'x', '01']) {
    assert.equal((await f.operator.api('GET', '/v1/agents', undefined, { 'x-min-event-seq': bad })).status, 400, bad);
  }
});

test('36. what was just made is found by its id at once', async () => {
  const f = await furnish('young');
  const { api } = f.operator;
  for (let round = 0; round < 10; round++) {
    const agent = await api('POST', '/v1/agents/register', { name: `young-${round}`, accountability_mode: 'logged' });
    assert.equal((await api('GET', `/v1/agents/${agent.body.id}`)).status, 200);
    const mission = await api('POST', '/v1/missions/start', {
      agent_id: agent.body.id,
      mission: { intent_summary: 'Triage', intent_services: ['github'] },
    });
    assert.equal((await api('GET', `/v1/missions/${mission.body.mission_id}`)).status, 200, JSON.stringify(mission.body));
    const { jti } = mission.body.passport;
    assert.equal((await api('GET', `/v1/passports/${jti}`)).status, 200);
    const out = await api('POST', `/v1/passports/${jti}/checkout`, {});
    assert.equal((await api('GET', `/v1/passports/reviews/${out.body.checkout_id}`)).status, 200, JSON.stringify(out.body));
  }
});

async function pages(api: Api, path: string, limit: number, between: () => Promise<unknown>): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? `limit=${limit}` : `limit=${limit}&cursor=${cursor}`;
    const answer = await api('GET', `${path}?${query}`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.ok(Array.isArray(answer.body) && answer.body.length <= limit);
    ids.push(...answer.body.map((one: { id?: string; jti?: string }) => one.id ?? one.jti ?? assert.fail()));
    cursor = answer.headers.get('x-next-cursor');
    const link: string | null = answer.headers.get('link');
    if (cursor === null) assert.equal(link, null);
    else {
      assert.match(link ?? '', /^<\/v1\/[^>]*>; rel="next"$/);
      const next = new URL(link?.slice(1, link.indexOf('>')) ?? '', 'http://x');
      assert.deepEqual([next.pathname, next.searchParams.get('cursor'), next.searchParams.get('limit')], [path, cursor, String(limit)]);
    }
    await between();
  } while (cursor !== null && ids.length < 1_000);
  return ids;
}

/** Older than a day, not made yet, and of nothing. */
const CURSORS = (): string[] => {
  const made = (before: string, at: number): string => Buffer.from(`${before} ${at}`).toString('base64url');
  const id = 'agt_01kt16jnjge4ma4jz41b93y214';
  return [made(id, Date.now() - 86_400_001), made(id, Date.now() + 60_000), made("' or 1=1", Date.now()), made(`${id} x`, Date.now())];
};

test('36. array endpoints answer bare arrays and page by cursor, each object once while others are made', async () => {
  const f = await furnish('paged');
  const { api } = f.operator;
  assert.deepEqual(
    ARRAYS.map(({ name }) => name).sort(),
    ['agents.list', 'passports.active', 'services.connected', 'services.list', 'services.templates', 'team.list'].sort(),
    'an array endpoint is new: let the loop below make its objects',
  );
  let made = 0;
  const more = async (): Promise<void> => {
    const n = ++made;
    const [agent] = await Promise.all([
      api('POST', '/v1/agents/register', { name: `paged-${n}` }),
      api('POST', '/v1/services/connect', { service_id: 'slack', oauth_token: `xoxb-${n}` }),
      api('POST', '/v1/team/members', { email: `paged-${n}@example.com`, name: `Paged ${n}` }),
    ]);
    const issued = await api('POST', '/v1/passports/issue', { agent_id: agent.body.id, intent: { summary: 'x', services: ['github'] } });
    assert.equal(issued.status, 201, JSON.stringify(issued.body));
  };
  for (let n = 0; n < 7; n++) await more();
  for (const { http, name } of ARRAYS) {
    const before = (await api('GET', http.path)).body.map((one: { id?: string; jti?: string }) => one.id ?? one.jti);
    assert.ok(before.length >= 7, `${name} has ${before.length}`);
    const seen = await pages(api, http.path, 3, more);
    assert.equal(new Set(seen).size, seen.length, `${name}: one came twice`);
    for (const id of before) assert.ok(seen.includes(id), `${name}: ${id} was left out`);
    for (const bad of ['x', '', 'a'.repeat(600), ...CURSORS()]) {
      const refused = await api('GET', `${http.path}?limit=2&cursor=${bad}`);
      assert.ok(refused.status === 400, `${name} with cursor ${bad.slice(0, 5)}: ${refused.status}`);
    }
    for (const limit of ['0', '101', 'x', '1.5'])
      assert.equal((await api('GET', `${http.path}?limit=${limit}`)).status, 400, `${name} limit=${limit}`);
  }
});

/** A number of rows to check, and the timeline of one mission. */
const OTHER_PAGES = ['audit.verify_chain', 'missions.replay'];

test('36. every list takes a page of its own size and refuses one beyond 100', async () => {
  const f = await furnish('limits');
  for (const operation of READS.filter(({ query }) => typeof query === 'object' && 'properties' in query)) {
    const properties: unknown = operation.query && 'properties' in operation.query ? operation.query.properties : {};
    if (typeof properties !== 'object' || properties === null || !('limit' in properties) || OTHER_PAGES.includes(operation.name)) continue;
    const path = pathOf(operation, ({ kind }) => f.ids[kind]);
    assert.equal((await f.operator.api('GET', `${path}?limit=101`)).status, 400, operation.name);
    assert.equal((await f.operator.api('GET', `${path}?limit=100`)).status, 200, operation.name);
  }
  assert.ok(READS.some((one) => pathIds(one).length > 0));
  assert.equal(typeof callAs, 'function');
});

test('a database that is away is a 503 that says when to come back, and never a defect', async () => {
  const f = await furnish('away');
  const { api } = f.operator;
  const paths = ['/v1/agents', '/v1/missions', '/v1/passports/active', '/v1/team/members', '/v1/audit', '/v1/security-events'];
  for (const path of paths) assert.equal((await api('GET', path)).status, 200, path);
  platform.constellation.kill('postgres');
  const behind = new Set<string>();
  const wrong: string[] = [];
  await eventually(
    async () => {
      const answers = await Promise.all(paths.map(async (path) => ({ path, ...(await api('GET', path)) })));
      // It was back before each of them had met its absence.
      if (answers.every(({ status }) => status === 200) && 'postgres' in platform.constellation.processes())
        platform.constellation.kill('postgres');
      for (const { path, status, body, headers } of answers) {
        if (status === 200) continue;
        if (status === 503 && body.error.code === 'READ_MODEL_BEHIND' && headers.get('retry-after') === '1') behind.add(path);
        else wrong.push(`${path}: ${status} ${JSON.stringify(body)}`);
      }
      return behind.size === paths.length;
    },
    { timeoutMs: 60_000, everyMs: 20 },
  );
  assert.deepEqual(wrong, []);
  await eventually(
    async () => {
      for (const path of paths) assert.equal((await api('GET', path)).status, 200, path);
    },
    { timeoutMs: 60_000, everyMs: 250 },
  );
});
