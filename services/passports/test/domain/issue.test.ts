import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentOf, implicitAccess, issue, issuedOf, NOW } from './given.ts';

const code = (outcome: ReturnType<typeof issue>): string | null => (outcome.ok ? null : outcome.denial.code);

test('given an enforced agent, when a passport is issued, then it lives until the first checkpoint is due, never past its mission', () => {
  assert.equal(issuedOf().expires_at_ms, NOW + 300_000);
  assert.equal(issuedOf({ checkpoint_interval_seconds: 'marathon' }).expires_at_ms, NOW + 900_000);
  assert.equal(issuedOf({ ttl_seconds: 60 }).expires_at_ms, NOW + 60_000);
  const mission = { mission_id: 'ms_1', intent_summary: 'x', intent_services: [], expires_at_ms: NOW + 10_000 };
  assert.equal(issuedOf({}, { mission }).expires_at_ms, NOW + 10_000);
  assert.equal(issuedOf({ ttl_seconds: 3600 }, { agent: agentOf({ accountability_mode: 'logged' }) }).expires_at_ms, NOW + 900_000);
});

test('given a summary that names a repository, when resources are bound, then github is bound to it and slack to nothing', () => {
  const { services } = issuedOf({ services: ['github'] });
  assert.deepEqual(services[0]?.resources, ['acme/sandbox']);
  const off = issuedOf({ services: ['github'] }, { agent: agentOf({ bind_resources: 'off' }) });
  assert.deepEqual(off.services[0]?.resources, []);
});

test('given only implicit access, when nothing names a provider, then it is not in the passport', () => {
  assert.deepEqual(
    issuedOf().services.map(({ service_name }) => service_name),
    ['github'],
  );
  const explicit = { ...implicitAccess('notion'), explicit: true };
  const access = [implicitAccess('github'), implicitAccess('slack'), explicit];
  assert.deepEqual(
    issuedOf({}, { access }).services.map(({ service_name }) => service_name),
    ['github', 'notion'],
  );
});

test('given forms that disagree, when they are read, then nothing is issued', () => {
  assert.equal(code(issue({ intent: { summary: 'a', services: ['github'] }, intent_services: ['slack'] })), 'INVALID_REQUEST');
  assert.equal(code(issue({ intent: 'a', intent_description: 'b' })), 'INVALID_REQUEST');
  assert.equal(code(issue({ scopes: ['repo', { service: 'github' }] })), 'INVALID_REQUEST');
  assert.equal(code(issue({ services: ['github'], scopes: [{ service: 'slack' }] })), 'INVALID_REQUEST');
  assert.equal(code(issue({ intent: { summary: 'a', services: ['github'] }, intent_services: ['github'], intent_description: 'a' })), null);
});

test('given a mission that names services, when the intent names another, then it is an escalation', () => {
  assert.equal(code(issue({ intent: { services: ['slack'] } })), 'SCOPE_ESCALATION');
  const open = { mission_id: 'ms_1', intent_summary: '', intent_services: [], expires_at_ms: NOW + 900_000 };
  assert.equal(code(issue({}, { mission: open })), 'ACCOUNTABILITY_REQUIRED');
  assert.equal(code(issue({ intent: { summary: 'x', services: ['slack'] } }, { mission: open })), null);
});

test('given two connections of a provider, when a slug names them, then the default one is meant, and without one the slug is ambiguous', () => {
  const [one, two] = [implicitAccess('github', { default: false }), implicitAccess('github', { default: true })];
  const chosen = issuedOf({ scopes: [{ service: 'github' }] }, { access: [one, two] });
  assert.deepEqual(
    chosen.services.map(({ connection_id }) => connection_id),
    [two.connection.id],
  );
  const neither = [one, implicitAccess('github', { default: false })];
  assert.equal(code(issue({ scopes: [{ service: 'github' }] }, { access: neither })), 'INVALID_REQUEST');
  assert.equal(issuedOf({ services: ['github'] }, { access: neither }).services.length, 2);
});

test('given a flat list of scopes, when it is intersected, then services without any of them are left out', () => {
  const access = [implicitAccess('github', { scopes: ['repo', 'user'] }), implicitAccess('slack', { scopes: ['chat'] })];
  const { services } = issuedOf({ scopes: ['repo'], services: ['github'] }, { access });
  assert.deepEqual(services[0]?.scopes, ['repo']);
  assert.equal(code(issue({ scopes: ['nope'] }, { access })), 'SCOPE_ESCALATION');
});

test('given named intents at the top, when they belong to a service of the passport, then they are a group of it, else refused', () => {
  const reference = { name: 'github.list_issues', params: { owner: 'acme', repo: 'sandbox' } };
  assert.equal(issuedOf({ intents: [reference] }).services[0]?.any_of.length, 1);
  assert.equal(code(issue({ scopes: [{ service: 'slack' }], intents: [reference] })), 'INVALID_REQUEST');
  assert.equal(code(issue({ intents: [{ name: 'github.list_issues', params: {} }] })), 'INVALID_REQUEST');
  assert.equal(code(issue({ intents: [{ name: 'github.fly', params: {} }] })), 'INVALID_REQUEST');
});
