/** Another operator's object does not exist: at every operation that takes an id, in the path and in the body, for every kind of caller (api.md §2, E.id). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '@sallyport/testing/time.ts';
import type { Answer } from '../../support/api.ts';
import {
  bodyOf,
  CALLED,
  callAs,
  type Furnished,
  furnish,
  KIND_BY_FIELD,
  type ObjectKind,
  pathIds,
  pathOf,
  platform,
  unknownIds,
} from './world.ts';

/** What may stand in place of 404: a mission of another has its own words, a credential's form is judged before anything is looked up. */
function assertMissing(what: string, { status, body }: Answer): void {
  assert.ok(status === 404, `${what}: ${status} ${JSON.stringify(body).slice(0, 300)}`);
  assert.ok(['NOT_FOUND', 'MISSION_ENDED', 'CHECKPOINT_NOT_AVAILABLE'].includes(body.error.code), `${what}: ${body.error.code}`);
}

function fieldsWithIds(body: unknown, found: Set<string> = new Set()): Set<string> {
  if (Array.isArray(body)) for (const one of body) fieldsWithIds(one, found);
  else if (typeof body === 'object' && body !== null) {
    for (const [name, value] of Object.entries(body)) {
      if (name in KIND_BY_FIELD) found.add(name);
      fieldsWithIds(value, found);
    }
  }
  return found;
}

/** Fields of the body's schema that hold ids, at its top. */
function idFields(operation: (typeof CALLED)[number]): string[] {
  const schema: unknown = operation.body;
  const properties = typeof schema === 'object' && schema !== null && 'properties' in schema ? schema.properties : {};
  return Object.keys(properties ?? {}).filter((name) => name in KIND_BY_FIELD);
}

async function everyPathId(acme: Furnished, ids: Record<ObjectKind, string>, title: string): Promise<number> {
  let tried = 0;
  for (const operation of CALLED) {
    for (const { name, kind } of pathIds(operation)) {
      // The other ids of the path are the caller's own.
      const path = pathOf(operation, (id) => (id.name === name ? ids[kind] : acme.ids[id.kind]));
      assertMissing(
        `${operation.name} with ${title} ${name}`,
        await acme.operator.api(operation.http.method, path, bodyOf(operation, acme.ids, acme)),
      );
      tried++;
    }
  }
  return tried;
}

test("37. another operator's id in a path is 404, like one that nobody has", async () => {
  const [acme, other] = await Promise.all([furnish('acme'), furnish('other')]);
  assert.ok((await everyPathId(acme, other.ids, 'a foreign')) >= 25);
  await everyPathId(acme, unknownIds(), 'an unknown');
});

test("37. another operator's id in a body is 404 too", async () => {
  const [acme, other] = await Promise.all([furnish('acme-body'), furnish('other-body')]);
  let tried = 0;
  for (const operation of CALLED) {
    for (const field of idFields(operation)) {
      const kind = KIND_BY_FIELD[field] ?? assert.fail();
      const body = bodyOf(operation, acme.ids, acme);
      const foreign = other.ids[kind];
      const many = field.endsWith('s');
      const path = pathOf(operation, (id) => acme.ids[id.kind]);
      const answer = await acme.operator.api(operation.http.method, path, { ...body, [field]: many ? [foreign] : foreign });
      assertMissing(`${operation.name} with a foreign ${field}`, answer);
      tried++;
    }
  }
  assert.ok(tried >= 8, String(tried));
  assert.deepEqual([...fieldsWithIds({ a: { jti: 'x' } })], ['jti']);
});

test("37. nothing of another operator's is changed by trying", async () => {
  const [acme, other] = await Promise.all([furnish('acme-try'), furnish('other-try')]);
  // Every look is at the same state or a later one: what furnishing left behind has been read by then.
  const last = await other.operator.api('POST', '/v1/agents/register', { name: 'the-last-change' });
  const seen = { 'x-min-event-seq': last.headers.get('x-event-seq') ?? '' };
  const readOf = (operation: (typeof CALLED)[number]): Promise<unknown> =>
    eventually(async () => {
      const { status, body } = await other.operator.api(
        'GET',
        pathOf(operation, ({ kind }) => other.ids[kind]),
        undefined,
        seen,
      );
      assert.notEqual(status, 503, operation.name);
      // A refusal names its own request.
      return { [operation.name]: [status, status < 400 ? body : body.error.code] };
    });
  const look = async (): Promise<unknown> => {
    const got = [];
    for (const operation of CALLED.filter(({ http }) => http.method === 'GET' && !/audit|active|report|\/v1\/me$/.test(http.path))) {
      got.push(await readOf(operation));
    }
    return got;
  };
  const before = await look();
  for (const operation of CALLED.filter((one) => pathIds(one).length > 0)) await callAs(acme.operator.api, operation, other.ids, acme);
  assert.deepEqual(await look(), before);
});

const MALFORMED = [
  'x',
  'agt_',
  'agt_01kt16jnjge4ma4jz41b93y21',
  'AGT_01KT16JNJGE4MA4JZ41B93Y214',
  'agt_81kt16jnjge4ma4jz41b93y214',
  '%00',
  '..',
  "'%20or%201=1",
  '*',
  '%3e',
  'a'.repeat(200),
];

test('37. a malformed id is 404 like an unknown one', async () => {
  const acme = await furnish('malformed');
  for (const operation of CALLED) {
    for (const { name } of pathIds(operation)) {
      for (const bad of MALFORMED) {
        if (bad === '..') continue;
        const path = pathOf(operation, (id) => (id.name === name ? bad : acme.ids[id.kind]));
        assertMissing(
          `${operation.name} with ${bad.slice(0, 20)}`,
          await acme.operator.api(operation.http.method, path, bodyOf(operation, acme.ids, acme)),
        );
      }
    }
  }
});

test("37. an agent does not see another agent's objects", async () => {
  const acme = await furnish('siblings');
  const mine = await furnish('siblings-other');
  assert.notEqual(mine.operator.operator_id, acme.operator.operator_id);
  const { enrolledAgent } = await import('../../support/agent.ts');
  const sibling = await enrolledAgent(acme.operator.api, { name: 'sibling' });
  for (const operation of CALLED.filter(({ who, http }) => who.includes('G') && http.path.includes('/:'))) {
    if (pathIds(operation).some(({ kind }) => kind === 'connection')) continue;
    assertMissing(`${operation.name} as another agent`, await callAs(platform.api(sibling.jwt()), operation, acme.ids, acme));
  }
});
