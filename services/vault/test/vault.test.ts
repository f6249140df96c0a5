/** The vault as a process, with a real NATS and PostgreSQL; `passports` is a stand-in that answers on the bus. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { append } from '@sallyport/bus/append.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { type Entry, type Follower, follow } from '@sallyport/bus/follow.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import { callsSubject } from '@sallyport/bus/subjects.ts';
import type { BusAnswer, BusCall } from '@sallyport/contracts/call.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import { Connection as ConnectionSchema } from '@sallyport/contracts/objects/connection.ts';
import { credentialContext, detectorKeyContext, Injection } from '@sallyport/contracts/objects/injection.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import * as services from '@sallyport/contracts/operations/services.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import { generateSealKey, openSealed } from '@sallyport/seal/sealed.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { scratchFolder } from '@sallyport/testing/folders.ts';
import { type TestNats, withNats } from '@sallyport/testing/nats.ts';
import { type TestPostgres, withPostgres } from '@sallyport/testing/postgres.ts';
import { vaultSealKey } from '@sallyport/contracts/operations/operator.ts';
import type { SealPublicJwk } from '@sallyport/seal/sealed.ts';
import { sealFields } from '@sallyport/service-kit/seal-fields.ts';
import { type StartedService, startService } from '@sallyport/testing/service.ts';
import { eventually } from '@sallyport/testing/time.ts';
import pg from 'pg';
import { ISSUER, livePassport, silent, type StandIn, standIn } from './support/stand-in.ts';

const SECRET = `ghp_${randomBytes(20).toString('hex')}`;
const operatorId = newId('operator', Date.now());
const boot = newId('boot', Date.now());
const bootKey = generateSealKey();
const entries: Entry[] = [];

let nats: TestNats;
let postgres: TestPostgres;
let vault: StartedService;
let gateway: Bus;
let passports: Bus;
let others: StandIn;
let reading: Follower;

const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const principal = (more: Partial<Principal>): Principal => ({
  type: 'operator',
  id: operatorId,
  operator_id: operatorId,
  role: null,
  credential: 'operator_key',
  allowed_connections: null,
  scopes: null,
  target: '',
  ...more,
});

before(async () => {
  [nats, postgres] = await Promise.all([withNats(), withPostgres()]);
  const connect = (user: string): Promise<Bus> =>
    connectBus({ url: nats.url, user, password: nats.passwords[user] ?? '', name: user, log: silent });
  [gateway, passports] = await Promise.all([connect('gateway'), connect('passports')]);
  others = standIn(passports);
  others.principals.set(keyOf('operator'), principal({}));
  others.principals.set(keyOf('standard'), principal({ type: 'member', id: 'mem_s', role: 'standard', credential: 'member_key' }));
  others.principals.set(keyOf('readonly'), principal({ type: 'member', id: 'mem_r', role: 'readonly', credential: 'member_key' }));
  others.principals.set(
    keyOf('slack only'),
    principal({ type: 'member', id: 'mem_l', role: 'admin', credential: 'member_key', allowed_connections: ['slack'] }),
  );
  await append(gateway, [
    {
      subject: callsSubject(0, boot),
      id: 'boot',
      facts: [
        {
          id: newId('event', Date.now()),
          type: 'gateway.started',
          v: 1,
          at: Date.now(),
          operator_id: '-',
          actor: { type: 'service', id: 'gateway' },
          data: { boot_id: boot, instance: 'gateway', seal_key: { ...bootKey.public_jwk } },
        },
      ],
    },
  ]);
  reading = follow(passports, { name: 'test', filters: ['ledger.>'], start_seq: 1, on_message: (entry) => void entries.push(entry) });
  const folder = await scratchFolder('vault-test');
  await writeFile(join(folder, 'nats'), nats.passwords['vault'] ?? '');
  await writeFile(join(folder, 'postgres'), postgres.passwords.vault);
  const database = new URL(postgres.url('vault'));
  database.password = '';
  vault = await startService('vault', {
    PUBLIC_URL: ISSUER,
    SALLYPORT_NATS_URL: nats.url,
    SALLYPORT_NATS_USER: 'vault',
    SALLYPORT_NATS_PASSWORD_FILE: join(folder, 'nats'),
    SALLYPORT_DATABASE_URL: database.href,
    SALLYPORT_DATABASE_PASSWORD_FILE: join(folder, 'postgres'),
  });
});

after(async () => {
  await vault?.stop();
  await Promise.all([others?.stop(), reading?.stop()]);
  await Promise.all([gateway?.close(), passports?.close()]);
  await Promise.all([nats?.stop(), postgres?.stop()]);
});

async function call(operation: Operation, more: Partial<BusCall>, key = 'operator'): Promise<BusAnswer> {
  const bearer = { kind: 'key', sha256: keyOf(key) } as const;
  const asked = { operation: operation.name, bearer, params: {}, query: {}, body: undefined, request_id: 'req_1', ...more };
  if (!operation.secret_in) return ask(gateway, operation, asked);
  const { key: ownerKey } = bodyOf(await call(vaultSealKey, {})) as { key: SealPublicJwk };
  return ask(gateway, operation, { ...asked, body: await sealFields(operation, asked.body, ownerKey) });
}

test('a secret that reaches the bus in clear is refused', async () => {
  const body = { service_id: 'github', oauth_token: SECRET };
  const asked = {
    operation: 'services.connect',
    bearer: { kind: 'key', sha256: keyOf('operator') } as const,
    params: {},
    query: {},
    request_id: 'req_1',
  };
  deepEqual(refusal(await ask(gateway, services.connectService, { ...asked, body })), [
    'INVALID_REQUEST',
    [{ path: 'oauth_token', rule: 'sealed' }],
  ]);
});

function bodyOf(answer: BusAnswer): unknown {
  ok(answer.ok, JSON.stringify(answer));
  return answer.reply.body;
}

function connectionOf(answer: BusAnswer): Connection {
  const body = bodyOf(answer);
  ok(matches(ConnectionSchema, body));
  return body;
}

function refusal(answer: BusAnswer): unknown[] {
  ok(!answer.ok, JSON.stringify(answer));
  return [answer.denial.code, answer.denial.metadata?.['reason'] ?? answer.denial.metadata?.['fields']];
}

const connect = async (body: object, more: Partial<BusCall> = {}, key?: string): Promise<BusAnswer> =>
  call(services.connectService, { body, ...more }, key);
const disconnect = (id: string): Promise<BusAnswer> => call(services.disconnectService, { params: { connection_id: id } });

function open(token: string, connectionId: string, bootId: string = boot): Promise<BusAnswer> {
  const body = { passport_token: token, connection_id: connectionId, boot_id: bootId, min_seq: 0 };
  return call(services.credentialOpen, { body, bearer: { kind: 'none' } });
}

async function injected(answer: BusAnswer, connectionId: string): Promise<Injection> {
  const body = bodyOf(answer);
  ok(matches(services.credentialOpen.response, body));
  const plain: unknown = JSON.parse(
    new TextDecoder().decode(await openSealed(bootKey.private_jwk, body.sealed, credentialContext(boot, connectionId))),
  );
  ok(matches(Injection, plain));
  return plain;
}

test('given a connection, when a gateway asks for a live passport, then the credential opens with its boot key alone', async () => {
  const connection = connectionOf(await connect({ service_id: 'svc_github', oauth_token: SECRET, scopes: ['repo'] }));
  equal(connection.default, true);
  equal(connection.base_url, 'https://api.github.com');
  const { token, view } = livePassport(operatorId, connection.id);
  others.resolved.set(view.passport.jti, view);
  const answer = await open(token, connection.id);
  const injection = await injected(answer, connection.id);
  equal(injection.inject.headers['authorization'], `Bearer ${SECRET}`);
  equal(injection.credential_ref, connection.credential_ref);
  const { sealed } = (() => {
    const body = bodyOf(answer);
    ok(matches(services.credentialOpen.response, body));
    return body;
  })();
  await rejects(openSealed(generateSealKey().private_jwk, sealed, credentialContext(boot, connection.id)), { kind: 'unreadable' });
  await rejects(openSealed(bootKey.private_jwk, sealed, credentialContext(boot, 'scon_other')), { kind: 'context' });
  await disconnect(connection.id);
});

test('given a passport that is dead, foreign, forged or without grant, the credential stays', async () => {
  const connection = connectionOf(await connect({ service_id: 'github', oauth_token: SECRET }));
  const { token, view } = livePassport(operatorId, connection.id);
  const asked = async (changed: typeof view, given = token, id = connection.id, bootId = boot): Promise<unknown[]> => {
    others.resolved.set(view.passport.jti, changed);
    return refusal(await open(given, id, bootId));
  };
  const { passport, mission, agent, operator } = view;
  deepEqual(await asked({ ...view, passport: { ...passport, state: 'revoked', reason: 'stop' } }), ['PASSPORT_REVOKED', 'stop']);
  deepEqual(await asked({ ...view, passport: { ...passport, expires_at_ms: 1 } }), ['PASSPORT_EXPIRED', undefined]);
  deepEqual(await asked({ ...view, mission: { ...mission, state: 'completed' } }), ['PASSPORT_REVOKED', 'mission_completed']);
  deepEqual(await asked({ ...view, agent: { ...agent, agent: { ...agent.agent, status: 'suspended' } } }), [
    'FORBIDDEN',
    'agent_suspended',
  ]);
  deepEqual(await asked({ ...view, operator: { ...operator, frozen: true } }), ['PASSPORT_BLOCKED', 'operator_frozen']);
  deepEqual(await asked({ ...view, access: { [connection.id]: { position: 1, connection: null, grant: null } } }), [
    'FORBIDDEN',
    'grant_revoked',
  ]);
  deepEqual(await asked({ ...view, access: {} }), ['FORBIDDEN', 'service_not_granted']);
  deepEqual(await asked({ ...view, passport: { ...passport, operator_id: 'op_other' } }), ['UNAUTHORIZED', 'bad_signature']);
  deepEqual(await asked(view, `${token.slice(0, -8)}AAAAAAAA`), ['UNAUTHORIZED', 'bad_signature']);
  deepEqual(await asked(view, 'x'), ['UNAUTHORIZED', 'malformed']);
  deepEqual(await asked(view, token, newId('connection', Date.now())), ['FORBIDDEN', 'service_not_granted']);
  deepEqual(await asked(view, token, connection.id, newId('boot', Date.now())), ['FORBIDDEN', undefined]);
  others.resolved.delete(passport.jti);
  deepEqual(refusal(await open(token, connection.id)), ['UNAUTHORIZED', 'bad_signature']);
  await disconnect(connection.id);
});

test('given a new secret, the reference is new, the old secret is gone and gateways are fenced', async () => {
  const connection = connectionOf(await connect({ service_id: 'github', credential: { token: SECRET } }));
  const replaced = connectionOf(
    await call(services.replaceCredential, { params: { connection_id: connection.id }, body: { credential: `${SECRET}-2` } }),
  );
  ok(replaced.credential_ref !== connection.credential_ref);
  const { token, view } = livePassport(operatorId, connection.id);
  others.resolved.set(view.passport.jti, view);
  deepEqual((await injected(await open(token, connection.id), connection.id)).secrets, [`${SECRET}-2`]);
  deepEqual(await rows('select credential_ref from vault.secret where connection_id = $1', [connection.id]), [
    { credential_ref: replaced.credential_ref },
  ]);
  await eventually(() =>
    entries.some(
      (entry) => entry.subject.endsWith(`.fence.connection.${connection.id}`) && entry.header('Sp-Fence')?.startsWith('narrowed') === true,
    ),
  );
  await disconnect(connection.id);
});

test('given a disconnect, the secret is destroyed, holders are asked for, and the connection is gone for everybody', async () => {
  const connection = connectionOf(await connect({ service_id: 'github', oauth_token: SECRET }));
  const { token, view } = livePassport(operatorId, connection.id);
  others.resolved.set(view.passport.jti, view);
  deepEqual(bodyOf(await disconnect(connection.id)), { id: connection.id, disconnected: true, revoked_count: 3 });
  ok(others.revokedHolders.includes(connection.id));
  deepEqual(await rows('select 1 from vault.secret where connection_id = $1', [connection.id]), []);
  deepEqual(refusal(await open(token, connection.id)), ['CREDENTIAL_UNAVAILABLE', undefined]);
  deepEqual(refusal(await disconnect(connection.id)), ['NOT_FOUND', undefined]);
  deepEqual(refusal(await call(services.getConnection, { params: { connection_id: connection.id } })), ['NOT_FOUND', undefined]);
});

test('given several connections of a provider made at once, exactly one is the default, also after it goes', async () => {
  const made = await Promise.all([1, 2, 3].map(() => connect({ service_id: 'slack', credential: 'xoxb-1' }).then(connectionOf)));
  const listed = async (min: number): Promise<Connection[]> => {
    const body = bodyOf(await call(services.listConnections, { min_event_seq: min }));
    ok(Array.isArray(body));
    return body.filter(({ provider }) => provider === 'slack');
  };
  const last = (): number => entries.at(-1)?.seq ?? 0;
  const defaults = async (): Promise<string[]> => (await listed(last())).filter((connection) => connection.default).map(({ id }) => id);
  equal(made.filter((connection) => connection.default).length, 1);
  const other = made.find((connection) => !connection.default);
  ok(other);
  const moved = await call(services.updateConnection, { params: { connection_id: other.id }, body: { default: true } });
  ok(moved.ok && moved.reply.event_seq);
  await eventually(async () => deepEqual(await defaults(), [other.id]));
  deepEqual(refusal(await call(services.updateConnection, { params: { connection_id: other.id }, body: { default: false } })), [
    'INVALID_REQUEST',
    [{ path: 'default', rule: 'one_default' }],
  ]);
  await disconnect(other.id);
  await eventually(async () => deepEqual((await defaults()).length, 1));
  const firstPage = await call(services.listConnections, { query: { limit: '1' } });
  ok(firstPage.ok && firstPage.reply.headers?.['X-Next-Cursor'] && Array.isArray(firstPage.reply.body));
  equal(firstPage.reply.body.length, 1);
  await Promise.all(made.filter(({ id }) => id !== other.id).map(({ id }) => disconnect(id)));
});

test('given a request repeated with its key, the answer is the same connection and no second secret lies there', async () => {
  const body = { service_id: 'github', oauth_token: SECRET };
  const first = connectionOf(await connect(body, { idempotency_key: 'k1' }));
  const again = await connect(body, { idempotency_key: 'k1' });
  equal(connectionOf(again).id, first.id);
  equal(again.ok && again.reply.headers?.['Idempotency-Replayed'], 'true');
  deepEqual(await rows('select connection_id from vault.secret', []), [{ connection_id: first.id }]);
  deepEqual(refusal(await connect({ ...body, label: 'x' }, { idempotency_key: 'k1' })), ['IDEMPOTENCY_KEY_REUSED', undefined]);
  await disconnect(first.id);
});

test('given a change of destination without the secret, nothing changes; with it, all of it does', async () => {
  const connection = connectionOf(await connect({ service_id: 'github', oauth_token: SECRET }));
  const patch = (body: object, key?: string): Promise<BusAnswer> =>
    call(services.updateConnection, { params: { connection_id: connection.id }, body }, key);
  deepEqual(refusal(await patch({ label: 'acme', upstream_override: 'http://127.0.0.1:9' })), [
    'INVALID_REQUEST',
    [{ path: 'credential', rule: 'credential_required' }],
  ]);
  equal(connectionOf(await call(services.getConnection, { params: { connection_id: connection.id } })).label, null);
  const changed = connectionOf(
    await patch({ upstream_override: 'http://127.0.0.1:9', allow_private_networks: true, credential: `${SECRET}-3` }),
  );
  equal(changed.upstream_override, 'http://127.0.0.1:9');
  ok(changed.credential_ref !== connection.credential_ref);
  deepEqual(refusal(await patch({ allow_http: true, credential: SECRET }, 'standard')), ['FORBIDDEN', 'role']);
  connectionOf(await patch({ default_approval: 'always' }));
  deepEqual(refusal(await patch({ default_approval: 'writes' }, 'standard'))[0], 'GOVERNANCE_APPROVAL_REQUIRED');
  connectionOf(await patch({ default_approval: 'writes' }));
  deepEqual(refusal(await patch({ hosts: ['api.github.com'], misspelt: 1 })), [
    'INVALID_REQUEST',
    [{ path: 'misspelt', rule: 'unknown_field' }],
  ]);
  await disconnect(connection.id);
});

test('given callers without the right, nothing is made', async () => {
  const github = { service_id: 'github', oauth_token: SECRET };
  deepEqual(refusal(await connect(github, {}, 'readonly')), ['FORBIDDEN', 'role']);
  deepEqual(refusal(await connect(github, {}, 'unknown')), ['INVALID_API_KEY', undefined]);
  deepEqual(refusal(await connect(github, {}, 'slack only')), ['FORBIDDEN', 'connection_not_allowed']);
  deepEqual(refusal(await connect({ ...github, allow_http: true }, {}, 'standard')), ['FORBIDDEN', 'role']);
  deepEqual(refusal(await connect({ service_id: 'gmail' })), ['INVALID_REQUEST', [{ path: 'oauth_token', rule: 'required' }]]);
  deepEqual(refusal(await connect({ service_id: 'nowhere', oauth_token: 'x' })), ['NOT_FOUND', undefined]);
  deepEqual(await rows('select 1 from vault.secret', []), []);
});

test('given an operator, its detector key is one and the same, and bound to the gateway start', async () => {
  const key = async (): Promise<string> => {
    const body = bodyOf(
      await call(services.detectorKeyOpen, { bearer: { kind: 'none' }, body: { operator_id: operatorId, boot_id: boot } }),
    );
    ok(matches(services.detectorKeyOpen.response, body));
    return Buffer.from(await openSealed(bootKey.private_jwk, body.sealed, detectorKeyContext(boot, operatorId))).toString('hex');
  };
  const [one, two] = await Promise.all([key(), key()]);
  equal(one, two);
  equal(one?.length, 64);
});

test('the planted secret is in no table, no message and no log, in any spelling', async () => {
  const connection = connectionOf(await connect({ service_id: 'github', oauth_token: SECRET }, { idempotency_key: 'planted' }));
  await eventually(() => entries.some((entry) => entry.subject.endsWith(`.connection.${connection.id}`)));
  const spellings = [SECRET, Buffer.from(SECRET).toString('base64').replace(/=+$/, ''), Buffer.from(SECRET).toString('hex')];
  const dump: string[] = [];
  for (const { table_name } of await rows("select table_name from information_schema.tables where table_schema = 'vault'", [])) {
    dump.push(
      ...(await rows(`select t::text as line from vault.${pg.escapeIdentifier(String(table_name))} t`, [])).map(({ line }) => String(line)),
    );
  }
  const stream = entries.map((entry) => JSON.stringify(entry.facts()));
  const texts = [...dump, ...stream, await readFile(vault.logFile, 'utf8')];
  ok(texts.some((text) => text.includes(connection.id)));
  for (const text of texts) for (const spelling of spellings) ok(!text.includes(spelling), text.slice(0, 200));
});

async function rows(text: string, values: unknown[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: postgres.url('vault') });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, values)).rows;
  } finally {
    await client.end();
  }
}
