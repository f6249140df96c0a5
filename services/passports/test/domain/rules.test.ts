import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_APPROVAL_RULE, type GrantInput } from '@sallyport/contracts/objects/access.ts';
import { DEFAULT_SETTINGS } from '@sallyport/contracts/objects/operator.ts';
import { changesOf, loosenedFields } from '../../src/domain/agent-settings.ts';
import { bucketOf, outcomeOf, REVIEW_PENDING } from '../../src/domain/checkout.ts';
import { inForce, loosenedRules, weakerApproval, writeGrant } from '../../src/domain/grant-rules.ts';
import { connectionOf } from '../support/platform.ts';
import { agentOf, NOW } from './given.ts';

const connection = connectionOf('github');
const write = (input: GrantInput): ReturnType<typeof writeGrant> =>
  writeGrant(input, { agent_id: 'agt_1', connection, settings: DEFAULT_SETTINGS, before: null, now_ms: NOW, deciders: () => 1 });

test('given a change of an agent, when it loosens a protection, then its field is named; tightening is free', () => {
  const agent = agentOf({ allowed_connections: ['scon_a'] });
  const loosens = (patch: Parameters<typeof changesOf>[1]): string[] => loosenedFields(agent, changesOf(agent, patch));
  assert.deepEqual(loosens({ accountability_mode: 'logged' }), ['accountability_mode']);
  assert.deepEqual(loosens({ bind_resources: 'off' }), ['bind_resources']);
  assert.deepEqual(loosens({ credential_access: 'direct' }), ['credential_access']);
  assert.deepEqual(loosens({ allowed_connections: null }), ['allowed_connections']);
  assert.deepEqual(loosens({ allowed_connections: ['scon_a', 'scon_b'] }), ['allowed_connections']);
  assert.deepEqual(loosens({ allowed_connections: [], name: 'other', accountability_mode: 'enforced' }), []);
});

test('given approvals, when one is weaker than another, then the table of the specification says so', () => {
  const set = [{ path: 'method', op: 'eq' as const, value: 'DELETE' }];
  const more = [set, [{ path: 'method', op: 'eq' as const, value: 'POST' }]];
  assert.equal(weakerApproval('always', 'writes'), true);
  assert.equal(weakerApproval('writes', 'never'), true);
  assert.equal(weakerApproval('writes', [set]), true);
  assert.equal(weakerApproval('never', 'writes'), false);
  assert.equal(weakerApproval([set], 'always'), false);
  assert.equal(weakerApproval([set], more), false);
  assert.equal(weakerApproval(more, [set]), true);
});

test('given a grant in force, when it is replaced, then lost rules, longer sets and lower quorums are loosenings', () => {
  const rule = { path: 'method', op: 'eq' as const, value: 'GET' };
  const before = write({ constraints: [rule], any_of: [[rule]], approval: 'writes', approval_rule: { four_eyes: true } });
  const after = write({ any_of: [[rule], [{ ...rule, value: 'POST' }]], approval: 'writes' });
  assert.ok(before.ok && after.ok);
  const force = inForce(before.held, connection, DEFAULT_SETTINGS);
  assert.deepEqual(loosenedRules(force, after.held), ['approval_rule', 'constraints', 'any_of']);
  assert.deepEqual(loosenedRules(force, before.held), []);
  assert.deepEqual(loosenedRules(inForce(null, connection, DEFAULT_SETTINGS), before.held), []);
});

test('given bad rules, when a grant is written, then they are refused then, not at call time', () => {
  const bad: GrantInput[] = [
    { scopes: ['nope'] },
    { constraints: [{ path: 'nonsense', op: 'eq', value: 1 }] },
    { constraints: [{ path: 'method', op: 'matches', value: '(' }] },
    { approval: [[{ path: 'x', op: 'eq', value: 1 }]] },
    { approval_rule: { quorum: 2 } },
    { expires_at: new Date(NOW).toISOString() },
    { intents: [{ name: 'slack.list_channels' }] },
  ];
  for (const input of bad) assert.equal(write(input).ok, false, JSON.stringify(input));
  const good = write({});
  assert.ok(good.ok);
  assert.deepEqual(good.held.grant.approval_rule, DEFAULT_APPROVAL_RULE);
});

test('given flags, when a run is checked out, then the worst severity meets the setting of the agent', () => {
  const flag = (severity: string): { type: string; severity: string; message: string } => ({ type: 'signal:x', severity, message: '' });
  const notify = { on_warning: 'notify', on_critical: 'block' } as const;
  assert.deepEqual(bucketOf([], 'enforced', notify), { review_status: 'clean', reviewed: true, critical: false });
  assert.equal(bucketOf([flag('info')], 'enforced', notify).review_status, 'clean');
  assert.equal(bucketOf([flag('warning')], 'enforced', notify).review_status, 'flagged');
  assert.equal(bucketOf([flag('warning'), flag('critical')], 'enforced', notify).review_status, 'blocked');
  assert.deepEqual(bucketOf([REVIEW_PENDING], 'logged', notify), { review_status: 'flagged', reviewed: false, critical: false });
  assert.deepEqual(bucketOf([flag('critical')], 'standard', notify), { review_status: 'clean', reviewed: false, critical: false });
  assert.equal(outcomeOf(null, 'Mission failed: x'), 'failed');
  assert.equal(outcomeOf('partial', 'Mission failed: x'), 'partial');
});
