import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draft } from '@sallyport/contracts/fact.ts';
import { passportIssued } from '@sallyport/contracts/facts/passports.ts';
import type { DelegateFields } from '@sallyport/contracts/objects/passport.ts';
import { decideCheckpoint } from '../../src/domain/checkpoint.ts';
import { cutServices } from '../../src/domain/cut.ts';
import { decideDelegation, type DelegateInput, scopeShare } from '../../src/domain/delegate.ts';
import type { IssueOutcome } from '../../src/domain/issue.ts';
import { type Issued, PASSPORT } from '../../src/domain/passport.ts';
import { agentOf, fold, implicitAccess, issuedOf, NOW } from './given.ts';

const RULE = { path: 'method', op: 'in' as const, value: ['GET', 'POST'] };
const github = implicitAccess('github', { scopes: ['repo', 'read'] });
const parent = (more: Partial<Issued> = {}): Issued => ({
  ...issuedOf({ scopes: [{ service: 'github', constraints: [RULE] }], intent: { will_delegate: true } }, { access: [github] }),
  ...more,
});

function delegate(fields: DelegateFields = {}, more: Partial<DelegateInput> = {}): IssueOutcome {
  return decideDelegation({
    agent: agentOf({ id: 'agt_2' }),
    access: [github],
    parent: parent(),
    mission: { mission_id: 'ms_2', expires_at_ms: NOW + 900_000 },
    fields,
    now_ms: NOW,
    jti: 'ppt_2',
    kid: 'kid',
    issuer: 'http://127.0.0.1:8787',
    issued_by: { type: 'operator', id: 'op_1' },
    ...more,
  });
}

function made(fields?: DelegateFields, more?: Partial<DelegateInput>): Issued {
  const outcome = delegate(fields, more);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.denial));
  return outcome.issued;
}

const code = (outcome: IssueOutcome): string => (outcome.ok ? 'passed' : outcome.denial.code);
const scope = (more: object): DelegateFields => ({ scopes: [{ service_connection_id: github.connection.id, ...more }] });

test('given a parent, when nothing is asked for, then the child has all of it and the chain of the parent before its own', () => {
  const child = made();
  assert.deepEqual(child.services, parent().services);
  assert.deepEqual(
    [child.depth, child.session_id, child.intent_summary, child.checkpoint_interval],
    [1, 'ses_1', parent().intent_summary, 300],
  );
  const below = made({}, { parent: { ...child, line: 'ppt_first' } });
  assert.deepEqual(
    below.parents.map(({ line }) => line),
    ['ppt_first', 'ppt_1'],
  );
});

test('given every pair of modes, then a child is never below its parent', () => {
  const modes = ['standard', 'logged', 'enforced'] as const;
  for (const [above, mode] of modes.entries())
    for (const [below, own] of modes.entries()) {
      const outcome = delegate({}, { parent: parent({ mode }), agent: agentOf({ id: 'agt_2', accountability_mode: own }) });
      assert.equal(code(outcome), below >= above ? 'passed' : 'DELEGATION_ACCOUNTABILITY_VIOLATION', `${mode} to ${own}`);
    }
});

test('given what the parent lacks, when it is asked for, then it is an escalation; a rule of its own counts once in any order of keys', () => {
  assert.equal(code(delegate(scope({ scopes: ['admin'] }))), 'SCOPE_ESCALATION');
  assert.equal(code(delegate({ scopes: [{ service: 'slack' }] })), 'SCOPE_ESCALATION');
  assert.equal(code(delegate(scope({ constraints: [] }))), 'SCOPE_ESCALATION');
  assert.equal(code(delegate({ intent: { services: ['slack'] } })), 'SCOPE_ESCALATION');
  assert.equal(code(delegate({}, { parent: parent({ depth: 4 }) })), 'DELEGATION_DEPTH_EXCEEDED');
  const turned = { value: ['GET', 'POST'], path: 'method', op: 'in' as const };
  assert.deepEqual(made(scope({ constraints: [turned] })).services[0]?.constraints, [RULE]);
  const flows = parent().services.map((one) => ({ ...one, allow_data_from: ['slack'] }));
  assert.equal(
    code(delegate(scope({ allow_data_from: ['slack', 'notion'] }), { parent: parent({ services: flows }) })),
    'SCOPE_ESCALATION',
  );
  assert.deepEqual(made(scope({ allow_data_from: [] }), { parent: parent({ services: flows }) }).services[0]?.allow_data_from, []);
});

test("given the child's own access, when it is less than the parent's, then the child is cut to it, and with none of it refused", () => {
  const less = { ...github, scopes: ['read'], constraints: [{ path: 'url.host', op: 'eq' as const, value: 'api.github.com' }] };
  const [service] = made({}, { access: [less] }).services;
  assert.deepEqual(service?.scopes, ['read']);
  assert.equal(service?.constraints?.length, 2);
  const none = delegate({}, { access: [] });
  assert.deepEqual([code(none), !none.ok && none.denial.metadata?.['reason']], ['FORBIDDEN', 'service_not_granted']);
});

test('given sets and bound resources of the parent, then the child keeps both, and its own summary only narrows them', () => {
  const set = [[{ path: 'method', op: 'eq' as const, value: 'GET' }]];
  const services = parent().services.map((one) => ({ ...one, any_of: [set], resources: ['acme/a', 'acme/b'] }));
  const held = made({ intent: 'Look at acme/b and acme/c', ...scope({ any_of: set }) }, { parent: parent({ services }) }).services[0];
  assert.deepEqual([held?.any_of, held?.resources], [[set], ['acme/b']]);
  const own = made(scope({ any_of: [[{ path: 'method', op: 'eq', value: 'POST' }]] }), { parent: parent({ services }) }).services[0];
  assert.equal(own?.any_of.length, 2);
});

test('given the 33rd rule beside the baseline, when it is added, then it is refused', () => {
  const rules = Array.from({ length: 31 }, (_, i) => ({ path: `query.k${i}`, op: 'eq' as const, value: 'v' }));
  assert.equal(code(delegate(scope({ constraints: [RULE, ...rules] }))), 'passed');
  assert.equal(code(delegate(scope({ constraints: [RULE, ...rules, { path: 'query.x', op: 'eq', value: 'v' }] }))), 'INVALID_REQUEST');
});

test('given scopes, when they are handed on, then the share is what the child holds of them', () => {
  const services = parent().services;
  assert.equal(scopeShare(services, services), 1);
  assert.equal(
    scopeShare(
      services,
      services.map((one) => ({ ...one, scopes: ['repo'] })),
    ),
    0.5,
  );
  assert.equal(scopeShare([], []), 1);
});

test('given services of an old passport, when access to one is gone, then the others are left', () => {
  const cut = cutServices(issuedOf({}, { access: [github] }).services, []);
  assert.deepEqual(cut.ok && cut.services, []);
});

test('given a standard passport, when the operator accepts its checkpoints, then they are kept without flags', () => {
  const issued = issuedOf({}, { agent: agentOf({ accountability_mode: 'standard' }) });
  const passport = { ...fold(PASSPORT, [draft(passportIssued, issued)]), issued };
  const report = { services_used: ['notion'] };
  const refused = decideCheckpoint(passport, report, NOW, 'refuse');
  assert.equal(!refused.ok && refused.denial.code, 'CHECKPOINT_NOT_AVAILABLE');
  const kept = decideCheckpoint(passport, report, NOW, 'accept');
  assert.ok(kept.ok);
  assert.deepEqual(kept.checkpoint, { number: 1, expires_at_ms: null, outside: [], flags: [], revokes: false });
});
