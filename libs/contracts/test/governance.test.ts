import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Governing, governanceDenial, mayLoosen } from '../src/governance.ts';
import type { CredentialKind, Principal } from '../src/principal.ts';

const FIRST_RUN: Governing = { signed_in: false, settings: { api_keys_may_approve: false } };
const LATER: Governing = { signed_in: true, settings: { api_keys_may_approve: false } };
const KEYS_DECIDE: Governing = { signed_in: true, settings: { api_keys_may_approve: true } };

function who(credential: CredentialKind, scopes: string[] | null = null): Principal {
  const type = credential === 'operator_key' ? 'operator' : credential === 'agent_jwt' ? 'agent' : 'member';
  return { type, id: 'x', operator_id: 'op', role: 'owner', credential, allowed_connections: null, scopes, target: '' };
}

test('a session loosens, an access token only with approvals:decide, whatever the operator set', () => {
  for (const operator of [FIRST_RUN, LATER, KEYS_DECIDE]) {
    assert.equal(mayLoosen(who('session'), operator), true);
    assert.equal(mayLoosen(who('access_token', ['api', 'approvals:decide']), operator), true);
    assert.equal(mayLoosen(who('access_token', ['api']), operator), false);
    assert.equal(mayLoosen(who('agent_jwt'), operator), false);
  }
});

test('a member key loosens only where keys may decide', () => {
  assert.equal(mayLoosen(who('member_key'), FIRST_RUN), false);
  assert.equal(mayLoosen(who('member_key'), LATER), false);
  assert.equal(mayLoosen(who('member_key'), KEYS_DECIDE), true);
});

test('the operator key loosens until somebody has signed in, and never again', () => {
  assert.equal(mayLoosen(who('operator_key'), FIRST_RUN), true);
  assert.equal(mayLoosen(who('operator_key'), LATER), false);
  assert.equal(mayLoosen(who('operator_key'), KEYS_DECIDE), false);
});

test('a change that loosens nothing needs nobody, and a refusal names the fields', () => {
  assert.equal(governanceDenial(who('operator_key'), [], LATER), null);
  const refused = governanceDenial(who('operator_key'), ['approval', 'constraints'], LATER);
  assert.equal(refused?.code, 'GOVERNANCE_APPROVAL_REQUIRED');
  assert.deepEqual(refused?.metadata, { loosens: ['approval', 'constraints'] });
});
