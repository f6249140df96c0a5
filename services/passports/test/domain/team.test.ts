import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draft, type DraftFact, type Fact } from '@sallyport/contracts/fact.ts';
import { memberAdded } from '@sallyport/contracts/facts/identity.ts';
import { memberAccepted, memberInvited, memberKeyRotated, memberRemoved, memberUpdated } from '@sallyport/contracts/facts/people.ts';
import { DEFAULT_SETTINGS, type OperatorSettings } from '@sallyport/contracts/objects/operator.ts';
import type { CredentialKind, Principal, Role } from '@sallyport/contracts/principal.ts';
import fc from 'fast-check';
import { evolveMember, isActive, MEMBER, type MemberState } from '../../src/domain/member.ts';
import { loosenedSettings, settingsChanges } from '../../src/domain/operator-settings.ts';
import { decidersAmong, isLastOwner, mayHandle, ownerFromStart, type Team, teamWith, widensConnections } from '../../src/domain/team.ts';

const at = { seq: 7, index: 0, ts_ms: 1_000 };
const factOf = (made: DraftFact): Fact => ({ id: 'evt_1', at: 1, operator_id: 'op_1', actor: { type: 'operator', id: 'op_1' }, ...made });
const after = (state: MemberState, ...made: DraftFact[]): MemberState =>
  made.map(factOf).reduce((now, fact) => evolveMember(now, fact, at), state);

const INVITED = draft(memberInvited, {
  member_id: 'mem_1',
  name: 'Ada',
  email: 'ada@example.com',
  role: 'admin',
  allowed_connections: ['github'],
  invite_hmac: 'aa',
  expires_at_ms: 5_000,
});

test('given an owner of a ledger from before invitations, then it is an active member without key and invitation', () => {
  const owner = after(
    MEMBER.initial(),
    draft(memberAdded, { member_id: 'mem_1', name: 'O', email: 'o@example.com', role: 'owner', status: 'active' }),
  );
  assert.ok(isActive(owner));
  assert.deepEqual([owner.role, owner.allowed_connections, owner.key_id, owner.invite], ['owner', null, null, null]);
});

test('given the life of a member, then it acts only between its acceptance and its removal, with its last key', () => {
  const invited = after(MEMBER.initial(), INVITED);
  assert.equal(isActive(invited), false);
  const active = after(invited, draft(memberAccepted, { member_id: 'mem_1', key_id: 'key_1' }));
  assert.deepEqual([isActive(active), active.key_id, active.allowed_connections], [true, 'key_1', ['github']]);
  const changed = after(
    active,
    draft(memberUpdated, { member_id: 'mem_1', changes: { role: 'readonly', allowed_connections: null } }),
    draft(memberKeyRotated, { member_id: 'mem_1', old_key_id: 'key_1', new_key_id: 'key_2' }),
  );
  assert.deepEqual([changed.role, changed.allowed_connections, changed.key_id], ['readonly', null, 'key_2']);
  const gone = after(changed, draft(memberRemoved, { member_id: 'mem_1', revoke_passports: false }));
  assert.deepEqual([isActive(gone), gone.key_id, gone.invite], [false, null, null]);
});

const ROLE = fc.constantFrom<Role>('readonly', 'standard', 'admin', 'owner');
const CHANGE = fc.record({
  member_id: fc.constantFrom('mem_1', 'mem_2', 'mem_3'),
  email: fc.constant('x@example.com'),
  role: ROLE,
  status: fc.constantFrom('invited' as const, 'active' as const, 'removed' as const),
});

test('given any changes that keep the last owner, then the team always has an active owner', () => {
  fc.assert(
    fc.property(fc.array(CHANGE), (changes) => {
      let team: Team = ownerFromStart('mem_1');
      for (const change of changes) {
        const losesOwner = change.status !== 'active' || change.role !== 'owner';
        if (losesOwner && isLastOwner(team, change.member_id)) continue;
        team = teamWith(team, change);
        assert.ok(decidersAmong(team, ['owner']) >= 1);
      }
    }),
  );
});

test('given an owner who was only invited, then the active one is the last', () => {
  const team = teamWith(ownerFromStart('mem_1'), { member_id: 'mem_2', email: 'b', role: 'owner', status: 'invited' });
  assert.deepEqual([isLastOwner(team, 'mem_1'), isLastOwner(team, 'mem_2'), decidersAmong(team, ['owner', 'admin'])], [true, false, 1]);
});

function who(credential: CredentialKind, role: Role | null): Principal {
  const type = credential === 'operator_key' ? 'operator' : 'member';
  return { type, id: 'x', operator_id: 'op_1', role, credential, allowed_connections: null, scopes: null, target: '' };
}

test('given every role and credential, then nobody handles a role above its own, and owners only by W', () => {
  fc.assert(
    fc.property(ROLE, ROLE, fc.constantFrom<CredentialKind>('member_key', 'session', 'access_token'), (own, other, credential) => {
      const order = ['readonly', 'standard', 'admin', 'owner'];
      const handles = mayHandle(who(credential, own), other);
      if (order.indexOf(own) < 2 || order.indexOf(other) > order.indexOf(own)) assert.equal(handles, false);
      else assert.equal(handles, other !== 'owner' || credential !== 'member_key');
    }),
  );
  for (const role of ['readonly', 'standard', 'admin', 'owner'] as const) assert.ok(mayHandle(who('operator_key', null), role));
});

test('given lists of connections, then a change widens unless all of it was covered before', () => {
  const providerOf = (id: string): string | null => (id === 'scon_a' ? 'github' : null);
  const widens = (before: string[] | null, now: string[] | null): boolean => widensConnections(before, now, providerOf);
  assert.deepEqual(
    [widens(null, ['github']), widens(null, null), widens([], []), widens(['github'], ['scon_a'])],
    [false, false, false, false],
  );
  assert.deepEqual(
    [widens(['github'], null), widens(['scon_a'], ['github']), widens(['github'], ['scon_b']), widens([], ['slack'])],
    [true, true, true, true],
  );
  const entries = fc.array(fc.constantFrom('github', 'slack', 'scon_a', 'scon_b'));
  fc.assert(fc.property(entries, entries, (kept, dropped) => assert.equal(widens([...kept, ...dropped], kept), false)));
});

const SETTINGS = fc.record({
  default_credential_access: fc.constantFrom('direct' as const, 'proxy_preferred' as const, 'proxy_only' as const),
  raw_reads: fc.constantFrom('off' as const, 'members' as const, 'all' as const),
  api_keys_may_approve: fc.boolean(),
  approved_ttl_seconds: fc.integer({ min: 30, max: 3600 }),
});

test('given two settings, then going there and back loosens each differing one in exactly one direction', () => {
  fc.assert(
    fc.property(SETTINGS, SETTINGS, (one, two) => {
      const [before, next]: OperatorSettings[] = [
        { ...DEFAULT_SETTINGS, ...one },
        { ...DEFAULT_SETTINGS, ...two },
      ];
      assert.ok(before && next);
      const [there, back] = [settingsChanges(before, next), settingsChanges(next, before)];
      const named = [...loosenedSettings(before, there), ...loosenedSettings(next, back)].sort();
      assert.deepEqual(
        named,
        Object.keys(there)
          .map((name) => `settings.${name}`)
          .sort(),
      );
    }),
  );
});

test('given null in a patch of settings, then it clears what may be null and changes nothing else', () => {
  const before: OperatorSettings = { ...DEFAULT_SETTINGS, audit_retention_days: 30 };
  assert.deepEqual(settingsChanges(before, { audit_retention_days: null, raw_reads: null, api_keys_may_approve: null }), {
    audit_retention_days: null,
  });
  assert.deepEqual(settingsChanges(before, { audit_retention_days: 30, raw_reads: 'off' }), {});
});
