import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { Approval, GrantInput, ServiceScope } from '../src/objects/access.ts';
import { registerAgent } from '../src/operations/agents.ts';
import { listAudit } from '../src/operations/audit.ts';
import { bootstrap } from '../src/operations/operator.ts';
import { listSecurityEvents } from '../src/operations/security-events.ts';
import { connectService } from '../src/operations/services.ts';
import { opt, Time } from '../src/schema.ts';
import { check, coerceQuery, matches } from '../src/validate.ts';

test('given a valid value, there is nothing to say, and null counts as absent', () => {
  assert.deepEqual(check(registerAgent.body, { name: 'ab', description: null, key_mode: null, unknown: 1 }), []);
});

test('given a missing, a wrong and a long field, each is named with its rule', () => {
  const problems = check(registerAgent.body, {
    description: 'x'.repeat(257),
    on_warning: 'maybe',
    max_mission_seconds: 1,
    llm_redact_pii: 'yes',
  });
  assert.deepEqual(
    new Set(problems.map(({ path, rule }) => `${path} ${rule}`)),
    new Set(['name required', 'description max_length', 'on_warning enum', 'max_mission_seconds minimum', 'llm_redact_pii type']),
  );
});

test('given an unknown member of a security-relevant object, it is an error; deep inside one too', () => {
  assert.deepEqual(check(connectService.body, { service_id: 'x', hots: [] }), [{ path: 'hots', rule: 'unknown_field' }]);
  assert.deepEqual(check(ServiceScope, { constraints: [{ path: 'url.host', op: 'eq', value: 1, vlaue: 2 }] }), [
    { path: 'constraints.0.vlaue', rule: 'unknown_field' },
  ]);
  assert.deepEqual(
    check(GrantInput, { approval_rule: { quorm: 1 } }).filter(({ rule }) => rule === 'unknown_field'),
    [{ path: 'approval_rule.quorm', rule: 'unknown_field' }],
  );
});

test('given a union, the problem is that of the branch that was meant', () => {
  assert.deepEqual(check(Approval, 7), [{ path: '', rule: 'type' }]);
  assert.deepEqual(check(Approval, [[{ path: 'x', op: 'eq' }]]), [{ path: '0.0.value', rule: 'required' }]);
});

test('given formats, dates and addresses are checked', () => {
  const schema = Type.Object({ at: opt(Time) });
  assert.deepEqual(check(schema, { at: '2026-06-01T09:00:03.000Z' }), []);
  assert.deepEqual(check(schema, { at: '2026-13-01T09:00:03.000Z' }), [{ path: 'at', rule: 'format' }]);
  const body = { bootstrap_token: 'x', operator_name: 'x', owner_email: 'no address', owner_name: 'x' };
  assert.deepEqual(check(bootstrap.body, body), [{ path: 'owner_email', rule: 'format' }]);
});

test('given nothing, a list or a text in place of an object, the whole is of the wrong type', () => {
  for (const value of [undefined, null, [], 'x', 1]) assert.deepEqual(check(registerAgent.body, value), [{ path: '', rule: 'type' }]);
});

test('given a hostile value, the answer stays small and never repeats it', () => {
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`secret-${index}-${'x'.repeat(100)}`, 1]));
  const problems = check(connectService.body, many);
  assert.ok(problems.length <= 20 && problems.every(({ path }) => path.length <= 64));
  const deep = JSON.parse(`${'[['.repeat(5_000)}1${']]'.repeat(5_000)}`);
  assert.equal(matches(Approval, deep), false);
});

test('given a query string, only what is declared integer or boolean is converted, and only from its plain spelling', () => {
  assert.deepEqual(coerceQuery(listAudit.query, { limit: '5', since: '0', action: '7', order: 'asc', agent_id: 'true' }), {
    limit: 5,
    since: 0,
    action: '7',
    order: 'asc',
    agent_id: 'true',
  });
  for (const limit of ['05', '1e2', ' 5', '5.0', '', '0x5', '99999999999999999999']) {
    assert.deepEqual(check(listAudit.query, coerceQuery(listAudit.query, { limit })), [{ path: 'limit', rule: 'type' }], limit);
  }
  assert.deepEqual(coerceQuery(Type.Object({ flag: opt(Type.Boolean()) }), { flag: 'true' }), { flag: true });
  assert.equal(check(listSecurityEvents.query, { page: ['1', '2'] }).length, 1);
});

test('given text that no store takes, anywhere in a value, it is refused by its path', () => {
  const schema = Type.Object({ name: Type.String(), more: Type.Optional(Type.Record(Type.String(), Type.Unknown())) });
  assert.deepEqual(check(schema, { name: 'ok 💥', more: { a: ['b', { c: 'd' }] } }), []);
  assert.deepEqual(check(schema, { name: 'a\0b' }), [{ path: 'name', rule: 'text' }]);
  assert.deepEqual(check(schema, { name: '\ud800' }), [{ path: 'name', rule: 'text' }]);
  assert.deepEqual(check(schema, { name: 'ok', more: { a: ['b', { c: '\0' }], '\0': 1 } }), [
    { path: 'more.a.1.c', rule: 'text' },
    { path: 'more', rule: 'text' },
  ]);
});
