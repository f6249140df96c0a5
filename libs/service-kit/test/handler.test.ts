import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { BusAnswer, BusCall } from '@sallyport/contracts/call.ts';
import type { PrincipalView } from '@sallyport/contracts/objects/views.ts';
import { agentResolve, getAgent, listAgents, registerAgent, updateAgent } from '@sallyport/contracts/operations/agents.ts';
import { bootstrap, freeze } from '@sallyport/contracts/operations/operator.ts';
import { jwks } from '@sallyport/contracts/operations/passports.ts';
import { listServices } from '@sallyport/contracts/operations/services.ts';
import { answerOf, success } from '../src/answer.ts';
import { createAuthenticator } from '../src/authenticate.ts';
import { type Handlers, handlers } from '../src/handler.ts';
import { createLog } from '../src/log.ts';
import { createSecretFields } from '../src/secret-fields.ts';
import { sealFields } from '../src/seal-fields.ts';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { createMetrics } from '../src/metrics.ts';
import { agent, agentJwt, AGENT_ID, call, member, NOW, OPERATOR_ID } from './support/callers.ts';

const folder = await scratchFolder('handler');
after(() => removeFolder(folder));
const secrets = await createSecretFields(folder);

const sealing = {
  seal: async (plain: string) => Buffer.from(plain).toString('base64'),
  open: async (sealed: string) => Buffer.from(sealed, 'base64').toString(),
};

interface Kit {
  on: Handlers['on'];
  ask(name: string, given?: Partial<BusCall>): Promise<BusAnswer>;
  lines: string[];
  metrics: ReturnType<typeof createMetrics>;
  all: Handlers;
}

function kit(holder: PrincipalView | null): Kit {
  const lines: string[] = [];
  const metrics = createMetrics('passports');
  const log = createLog('passports', { destination: { write: (line) => void lines.push(line) } });
  const authenticate = createAuthenticator({
    resolvePrincipal: async () => holder,
    resolveToken: async () => null,
    resolveAgent: async () => ({ position: 1, agent }),
    now: () => NOW,
  });
  const all = handlers({ service: 'passports', authenticate, log, metrics, sealing, secrets });
  const ask = async (name: string, given: Partial<BusCall> = {}): Promise<BusAnswer> => {
    const handle = all.all()[name];
    assert.ok(handle, name);
    return handle(call({ operation: name, ...given }), { remaining_ms: () => 1_000 });
  };
  return { on: all.on, ask, lines, metrics, all };
}

function code(answer: BusAnswer): string {
  return answer.ok ? String(answer.reply.status) : answer.denial.code;
}

test('given a caller with the letter and a valid call, the function gets it typed, and its answer goes back', async () => {
  const { on, ask } = kit(member('standard'));
  on(registerAgent, async ({ body, principal, scope, operation }) =>
    success(operation, { name: body.name, by: principal.id, scope: scope.operator_id }, { event_seq: 7 }),
  );
  const answer = await ask('agents.register', { body: { name: 'ab' } });
  assert.deepEqual(answer, {
    ok: true,
    reply: { status: 201, body: { name: 'ab', by: 'mem_01kt16jmk8es8r65rzyjka792g', scope: OPERATOR_ID }, event_seq: 7 },
  });
});

test('given a caller without the letter, the shape of the call is not even looked at', async () => {
  const { on, ask } = kit(member('readonly'));
  on(registerAgent, async ({ operation }) => success(operation, {}));
  const answer = await ask('agents.register', { body: { name: 7 } });
  assert.ok(!answer.ok);
  assert.deepEqual([answer.denial.code, answer.denial.metadata], ['FORBIDDEN', { reason: 'role' }]);
});

test('given an access token, its scope must open the operation', async () => {
  const asked = async (scopes: string[]): Promise<BusAnswer> => {
    const { on, ask } = kit(member('admin', { credential: 'access_token', scopes }));
    on(freeze, async ({ operation }) => success(operation, {})).on(listAgents, async ({ operation }) => success(operation, []));
    return ask('agents.list');
  };
  assert.equal(code(await asked(['agents:read'])), '200');
  assert.equal(code(await asked(['api'])), '200');
  const refused = await asked(['agents:write', 'mcp', 'approvals:decide']);
  assert.ok(!refused.ok);
  assert.deepEqual(refused.denial.metadata, { reason: 'scope', needed: 'agents:read' });
});

test('given a call that breaks its schema, every part is named', async () => {
  const { on, ask } = kit(member('owner'));
  on(updateAgent, async ({ operation }) => success(operation, {})).on(listAgents, async ({ query, operation }) =>
    success(operation, query),
  );
  const answer = await ask('agents.update', { params: { id: 'agt_1' }, body: { status: 'deleted', max_mission_seconds: '5' } });
  assert.ok(!answer.ok);
  assert.deepEqual(answer.denial.metadata, {
    fields: [
      { path: 'status', rule: 'enum' },
      { path: 'max_mission_seconds', rule: 'type' },
    ],
  });
  const list = await ask('agents.list', { query: { limit: '5', name: '7', other: 'x' } });
  assert.deepEqual(list.ok && list.reply.body, { limit: 5, name: '7', other: 'x' });
  assert.equal(code(await ask('agents.list', { query: { limit: '500' } })), 'INVALID_REQUEST');
});

test('given no body, it is an empty object', async () => {
  const { on, ask } = kit(member('owner'));
  on(updateAgent, async ({ body, operation }) => success(operation, body));
  for (const body of [null, undefined, {}]) {
    const answer = await ask('agents.update', { params: { id: 'agt_1' }, body });
    assert.deepEqual(answer.ok && answer.reply.body, {});
  }
});

test('given a public operation or a question of a service, nobody is authenticated', async () => {
  const { on, ask } = kit(null);
  on(jwks, async ({ principal, scope, operation }) => success(operation, { principal, scope }));
  on(agentResolve, async ({ principal, body, operation }) => success(operation, { principal, id: body.agent_id }));
  const keys = await ask('passports.jwks', { bearer: { kind: 'none' } });
  assert.deepEqual(keys.ok && keys.reply.body, { principal: null, scope: null });
  const resolved = await ask('agent.resolve', { bearer: { kind: 'none' }, body: { agent_id: 'agt_1', min_seq: 0 } });
  assert.deepEqual(resolved.ok && resolved.reply, { status: 200, body: { principal: null, id: 'agt_1' } });
  assert.equal(code(await ask('agent.resolve', { body: {} })), 'INVALID_REQUEST');
});

test('given an Idempotency-Key, the scope binds principal, method, path and body; without one it does not', async () => {
  const scopes: unknown[] = [];
  const { on, ask } = kit(member('standard'));
  on(registerAgent, async ({ scope, operation }) => {
    scopes.push(scope.idempotency);
    return success(operation, {});
  });
  on(updateAgent, async ({ scope, operation }) => {
    scopes.push(scope.idempotency);
    return success(operation, {});
  });
  await ask('agents.register', { body: { name: 'ab', description: 'x' }, idempotency_key: 'k1' });
  await ask('agents.register', { body: { description: 'x', name: 'ab' }, idempotency_key: 'k1' });
  await ask('agents.register', { body: { name: 'ac' }, idempotency_key: 'k1' });
  await ask('agents.register', { body: { name: 'ab' } });
  await ask('agents.update', { params: { id: 'agt_1' }, body: {}, idempotency_key: 'k1' });
  const [first, same, other, none, notCreating] = scopes as { key: string; principal: string; method_path: string; body_sha256: string }[];
  assert.deepEqual(
    [first?.key, first?.principal, first?.method_path],
    ['k1', 'member:mem_01kt16jmk8es8r65rzyjka792g', 'POST /v1/agents/register'],
  );
  assert.equal(first?.body_sha256, same?.body_sha256);
  assert.notEqual(first?.body_sha256, other?.body_sha256);
  assert.equal(none, undefined);
  assert.equal(notCreating, undefined);
  for (const key of ['', 'a b', 'ü', 'x'.repeat(256)])
    assert.equal(code(await ask('agents.register', { body: { name: 'ab' }, idempotency_key: key })), 'INVALID_REQUEST');
});

test('given a public operation that creates, its scope is made for the operator and actor that it names', async () => {
  const { on, ask } = kit(null);
  on(bootstrap, async ({ scopeFor, operation }) => {
    const scope = scopeFor('op_1', { type: 'system', id: 'bootstrap' });
    return success(operation, [scope.operator_id, scope.request_id, scope.idempotency?.principal]);
  });
  const clear = { bootstrap_token: 'x', operator_name: 'x', owner_email: 'a@example.com', owner_name: 'x' };
  const body = await sealFields(bootstrap, clear, secrets.public_jwk);
  const answer = await ask('operator.bootstrap', { body, idempotency_key: 'k' });
  assert.deepEqual(answer.ok && answer.reply.body, ['op_1', 'req_1', 'system:bootstrap']);
});

test('given an agent, it has its own letter and no other', async () => {
  const { on, ask } = kit(null);
  on(getAgent, async ({ principal, params, operation }) => success(operation, { me: principal.id, asked: params.id })).on(
    listAgents,
    async ({ operation }) => success(operation, []),
  );
  const bearer = { kind: 'jwt' as const, token: agentJwt() };
  const answer = await ask('agents.get', { bearer, params: { id: AGENT_ID } });
  assert.deepEqual(answer.ok && answer.reply.body, { me: AGENT_ID, asked: AGENT_ID });
  assert.equal(code(await ask('agents.list', { bearer })), 'FORBIDDEN');
});

test('given any end, one line and one count tell of it, without body, key or token', async () => {
  const { on, ask, lines, metrics } = kit(member('owner'));
  on(listAgents, async () => Promise.reject(new Error('boom'))).on(registerAgent, async ({ operation }) =>
    success(operation, { api_key: 'hunter2' }),
  );
  await ask('agents.register', { body: { name: 'ab', description: 'hunter2' } });
  await ask('agents.register', { body: {} });
  await assert.rejects(ask('agents.list'), /boom/);
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).outcome),
    ['success', 'INVALID_REQUEST', 'INTERNAL_ERROR'],
  );
  assert.ok(!lines.join('').includes('hunter2'));
  assert.match(
    await metrics.text(),
    /sallyport_operations_total\{operation="agents.register",outcome="INVALID_REQUEST",service="passports"\} 1/,
  );
});

test('given the wrong owner, a second handler or no sealing key, the start fails', () => {
  const { on, all } = kit(null);
  assert.throws(() => on(listServices, async ({ operation }) => success(operation, [])), /belongs to vault/);
  on(jwks, async ({ operation }) => success(operation, {}));
  assert.throws(() => on(jwks, async ({ operation }) => success(operation, {})), /handled twice/);
  assert.ok(all.missing().includes('agents.register') && !all.missing().includes('passports.jwks'));
  const { sealing: _, ...rest } = {
    sealing,
    service: 'passports',
    authenticate: async () => ({ denial: { code: 'UNAUTHORIZED' as const, message: '' } }),
    log: createLog('x'),
    metrics: createMetrics('x'),
  };
  assert.throws(() => handlers(rest).on(registerAgent, async ({ operation }) => success(operation, {})), /needs a sealing key/);
});

test('given a decision, its sequence and its being a repeat become headers', () => {
  assert.deepEqual(
    answerOf(registerAgent, { ok: true, value: 1, seq: 5, replayed: true }, (value) => ({ value })),
    {
      ok: true,
      reply: { status: 201, body: { value: 1 }, event_seq: 5, headers: { 'Idempotency-Replayed': 'true' } },
    },
  );
  const refused = answerOf(registerAgent, { ok: false, denial: { code: 'CONFLICT', message: '' } }, () => null);
  assert.equal(code(refused), 'CONFLICT');
});
