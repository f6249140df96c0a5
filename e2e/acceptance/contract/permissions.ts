/** Who may call what: every operation of the contract with every credential, expected by the letters (api.md §3.2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROLES } from '@sallyport/contracts/principal.ts';
import type { Answer, Api } from '../../support/api.ts';
import { pagesOver, tokensByCode } from '../../support/sign-in.ts';
import { opens } from './letters.ts';
import { bodyOf, CALLED, callAs, type Furnished, furnish, type HTTP, platform, unknownIds } from './world.ts';

const pages = pagesOver(() => platform.bus('gateway'));

interface Caller {
  /** As in `letters.ts`. */
  what: string;
  api: () => Api;
}

async function callersOf(f: Furnished): Promise<Caller[]> {
  const { operator, agent } = f;
  const callers: Caller[] = [
    { what: 'operator key', api: () => operator.api },
    { what: 'agent JWT', api: () => platform.api(agent.jwt()) },
  ];
  const members = await Promise.all(ROLES.map(async (role) => ({ role, member: await operator.memberKey(role) })));
  // The first sign-in ends the operator's first run: after it invitations take a person.
  for (const { role, member } of members) {
    const { session, api } = await member.signIn();
    const { access_token } = await tokensByCode(platform.baseUrl, pages, session);
    callers.push(
      { what: `${role} member key`, api: () => member.api },
      { what: `${role} session`, api: () => api },
      { what: `${role} access token`, api: () => platform.api(access_token) },
    );
  }
  return callers;
}

function assertExpected(operation: (typeof HTTP)[number], caller: Caller, { status, body }: Answer): void {
  const what = `${operation.name} as ${caller.what}: ${status} ${JSON.stringify(body).slice(0, 200)}`;
  const reason = body?.error?.metadata?.reason;
  if (opens(operation.name, caller.what)) {
    // A passport that an earlier caller has used up is another matter.
    assert.ok(!['UNAUTHORIZED', 'INVALID_API_KEY'].includes(body?.error?.code), what);
    assert.ok(status !== 403 || reason !== 'role', what);
    assert.ok(status < 500, what);
  } else {
    assert.deepEqual([status, body?.error?.code, reason], [403, 'FORBIDDEN', 'role'], what);
  }
}

/** What changes the operator itself, or ends the credential that calls, gets an operator of its own. */
const OWN_OPERATOR = (operation: (typeof HTTP)[number]): boolean => operation.http.method !== 'GET' && !operation.http.path.includes('/:');

/** Decided by more than letters: a member's own key in a session; the session that ends. */
const MORE_THAN_LETTERS = ['team.rotate_key', 'auth.logout'];

test('37. with every credential every operation passes or is refused by its letters', async () => {
  const f = await furnish('letters');
  const callers = await callersOf(f);
  assert.ok(CALLED.length > 45);
  for (const operation of CALLED) {
    if (OWN_OPERATOR(operation) || MORE_THAN_LETTERS.includes(operation.name)) continue;
    await Promise.all(
      callers.map(async (caller) => assertExpected(operation, caller, await callAs(caller.api(), operation, unknownIds(), f))),
    );
  }
});

test('37. and so are those that name no object', async () => {
  const operations = CALLED.filter((operation) => OWN_OPERATOR(operation) && !MORE_THAN_LETTERS.includes(operation.name));
  assert.ok(operations.length >= 10, String(operations.length));
  // What may end a credential or stop the operator comes last, on an operator of its own each; a new key ends what the next caller shows.
  const f = await furnish('letters-own');
  const callers = await callersOf(f);
  const stops = /freeze|rotate|revoke_all|logout/;
  for (const operation of operations.filter(({ name }) => !stops.test(name))) {
    for (const caller of callers) assertExpected(operation, caller, await callAs(caller.api(), operation, f.ids, f));
  }
  for (const operation of operations.filter(({ name }) => stops.test(name))) {
    const own = await furnish(`letters-${operation.name}`);
    const its = await callersOf(own);
    // Who passes goes last: the call may end what the others rest on.
    const ordered = [...its].sort((a, b) => Number(opens(operation.name, a.what)) - Number(opens(operation.name, b.what)));
    for (const caller of ordered) {
      assertExpected(operation, caller, await callAs(caller.api(), operation, own.ids, own));
      if (opens(operation.name, caller.what) && operation.name.includes('rotate')) break;
    }
  }
});

test('37. a readonly member changes nothing, and a member key of any role reads no security events', async () => {
  const f = await furnish('readonly');
  const members = await Promise.all(ROLES.map((role) => f.operator.memberKey(role)));
  for (const { api } of members) {
    for (const operation of CALLED.filter(({ http }) => http.path.startsWith('/v1/security-events'))) {
      const { status, body } = await callAs(api, operation, f.ids, f);
      assert.deepEqual([status, body.error.metadata.reason], [403, 'role'], operation.name);
    }
  }
  const [readonly] = members;
  for (const operation of CALLED.filter(({ name }) => !opens(name, 'readonly member key'))) {
    const { status, body } = await callAs(readonly?.api ?? assert.fail(), operation, f.ids, f);
    assert.deepEqual([status, body.error.metadata.reason], [403, 'role'], operation.name);
  }
});

test('37. without a credential, with a key of nobody or a ticket of nobody, nothing opens', async () => {
  const f = await furnish('nobody');
  const nobody: { what: string; api: Api; reasons: (string | undefined)[] }[] = [
    { what: 'no bearer', api: platform.api(), reasons: ['missing'] },
    { what: 'a ticket', api: platform.api(`tkt_${'0'.repeat(52)}`), reasons: ['wrong_credential_kind', 'malformed', 'expired'] },
    { what: 'a passport', api: platform.api(f.passport_token), reasons: ['wrong_credential_kind'] },
    {
      what: 'a foreign scheme',
      api: async (method, path, body) => platform.api()(method, path, body, { authorization: 'Basic YTpi' }),
      reasons: ['malformed', 'missing'],
    },
  ];
  for (const operation of CALLED) {
    for (const { what, api, reasons } of nobody) {
      const { status, body } = await callAs(api, operation, f.ids, f);
      assert.equal(status, 401, `${operation.name} with ${what}: ${JSON.stringify(body)}`);
      assert.ok(reasons.includes(body.error.metadata.reason), `${operation.name} with ${what}: ${JSON.stringify(body)}`);
    }
  }
  assert.equal(bodyOf(CALLED[0] ?? assert.fail(), f.ids, f)?.['nothing'], undefined);
});
