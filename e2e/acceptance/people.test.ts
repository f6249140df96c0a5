/** The team of an operator, its keys and what they may do (api.md §3.1, §3.2, §4, §17). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPlatform } from '../support/platform.ts';

const platform = testPlatform();

test('37. a member key of any role is refused security events, and a readonly one every write', async () => {
  const acme = await platform.newOperator();
  for (const role of ['readonly', 'standard', 'admin', 'owner'] as const) {
    const member = await acme.memberKey(role);
    const events = await member.api('GET', '/v1/security-events');
    assert.deepEqual([events.status, events.body.error?.metadata.reason], [403, 'role'], role);
    const read = await member.api('GET', '/v1/agents');
    assert.equal(read.status, 200, role);
    const write = await member.api('POST', '/v1/agents/register', { name: 'some-agent' });
    assert.equal(write.status, role === 'readonly' ? 403 : 201, role);
  }
});
