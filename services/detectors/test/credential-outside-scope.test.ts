import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { checkpoint, denied, issued, newRun } from './support/facts.ts';
import { brief, run } from './support/given.ts';

const enforced = newRun('op_a');
const logged = newRun('op_a', 'logged');
const standard = newRun('op_a', 'standard');
const notion = { service: 'notion', host: null, reason: 'service_out_of_scope' };
const failed = (path: string, value_hash: string): { path: string; op: string; value_hash: string } => ({ path, op: 'eq', value_hash });
const constraint = (path: string, hash: string): object => ({ reason: 'constraint_failed', failed: failed(path, hash) });

test('given a mission for github, when the agent calls notion, then critical, and the passport is to be revoked', () => {
  const told = run([issued(enforced), denied(enforced, notion)]);
  deepEqual(brief(told), [['service', 'critical', 'revoke']]);
  const [signal] = told.raised;
  equal(signal?.message, 'Proxy request for notion not in passport scope');
  equal(signal?.effect_reason, 'credential_outside_scope_fire: service');
  equal(signal?.key, enforced.mission_id);
  const { config_digest, ...metadata } = signal?.metadata ?? {};
  ok(typeof config_digest === 'string');
  deepEqual(metadata, {
    code: 'service',
    service: 'notion',
    intent_services: ['github'],
    granted_providers: ['github'],
    upstream_contacted: false,
    mode: 'enforced',
    detector_version: '1.0.0',
  });
});

test('given logged mode, the same is a warning without effect; in standard mode critical without effect', () => {
  deepEqual(brief(run([issued(logged), denied(logged, notion)])), [['service', 'warning', 'none']]);
  deepEqual(brief(run([issued(standard), denied(standard, notion)])), [['service', 'critical', 'none']]);
});

test('given a declared but not granted service, another repository and a host that is not bound, each fires on the first', () => {
  const told = run([
    issued(enforced),
    denied(enforced, { service: 'slack', reason: 'service_not_granted' }),
    denied(enforced, { reason: 'resource_out_of_scope', resource: 'acme/other' }),
    denied(enforced, { code: 'DESTINATION_FORBIDDEN', reason: 'host_not_bound', host: 'evil.example' }),
  ]);
  deepEqual(
    told.raised.map(({ code, severity, metadata }) => [code, severity, metadata['resource'], metadata['host']]),
    [
      ['service', 'critical', undefined, 'api.github.com'],
      ['resource', 'critical', 'acme/other', 'api.github.com'],
      ['host', 'critical', undefined, 'evil.example'],
    ],
  );
});

for (const reason of ['host_not_bound', 'port_not_bound', 'scheme', 'userinfo', 'ip_literal', 'private_address']) {
  test(`given a destination refused for ${reason}, it is code host`, () => {
    deepEqual(brief(run([denied(enforced, { code: 'DESTINATION_FORBIDDEN', reason })])), [['host', 'critical', 'revoke']]);
  });
}

test('given a constraint on method or url that failed, it counts as a resource', () => {
  for (const path of ['method', 'url.pathname', 'url.host']) {
    const [signal] = run([denied(enforced, constraint(path, 'h'))]).raised;
    deepEqual([signal?.code, signal?.severity, signal?.metadata['failed']], ['resource', 'critical', { path, op: 'eq' }]);
  }
});

test('given failed parameters, the first distinct one is a warning, the third is critical and a signal of its own', () => {
  const told = run([
    denied(enforced, constraint('body.channel', 'a')),
    denied(enforced, constraint('body.channel', 'a')),
    denied(enforced, constraint('query.q', 'a')),
    denied(enforced, constraint('headers.x', 'a')),
    denied(enforced, constraint('headers.x', 'b')),
  ]);
  deepEqual(brief(told), [
    ['constraint', 'warning', 'none'],
    ['constraint', 'critical', 'revoke'],
  ]);
});

test('given a checkpoint that reports a service outside intent and grants: critical enforced, warning logged, nothing in standard mode', () => {
  const told = run([issued(enforced), checkpoint(enforced, ['github', 'notion', 'slack'])]);
  deepEqual(brief(told), [
    ['checkpoint_declared', 'critical', 'revoke'],
    ['checkpoint_declared', 'critical', 'revoke'],
  ]);
  equal(new Set(told.raised.map(({ signal_id }) => signal_id)).size, 2);
  deepEqual(brief(run([issued(logged), checkpoint(logged, ['notion'])])), [['checkpoint_declared', 'warning', 'none']]);
  deepEqual(brief(run([issued(standard), checkpoint(standard, ['notion'])])), []);
  deepEqual(brief(run([issued(enforced), checkpoint(enforced, ['github'])])), []);
});

test('given refusals that are none of its business, it stays silent', () => {
  const others = [
    { code: 'PASSPORT_REVOKED', reason: 'checked_out' },
    { code: 'DESTINATION_FORBIDDEN', reason: 'placeholder_unresolved' },
    { code: 'FORBIDDEN', reason: 'mission_cap' },
    { code: 'FORBIDDEN', reason: 'grant_revoked' },
    { code: 'UPSTREAM_UNREACHABLE', reason: null },
  ];
  deepEqual(brief(run(others.map((more) => denied(enforced, more)))), []);
});
