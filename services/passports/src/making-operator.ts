/** An operator from nothing: itself, its owner and its key, in one batch. The key is in the value that is answered and nowhere else. */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { keyCreated, memberAdded, operatorBootstrapped } from '@sallyport/contracts/facts/identity.ts';
import { teamChanged } from '@sallyport/contracts/facts/people.ts';
import { DEFAULT_SETTINGS, type Member, type Operator } from '@sallyport/contracts/objects/operator.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from './deps.ts';
import { KEY, KEY_BY_HMAC } from './domain/key.ts';
import { MEMBER } from './domain/member.ts';
import { OPERATOR } from './domain/operator.ts';
import { newLoginLink } from './sign-in/login-links.ts';

export interface NewOperator {
  name: string;
  owner_name: string;
  owner_email: string;
}

export interface MadeOperator {
  operator: Operator;
  owner: Member;
  api_key: string;
  /** Of the owner's first sign-in; works once, within 15 minutes. */
  login_url: string;
}

export const BOOTSTRAP = 'bootstrap';

/** `first`: what marks the platform as having an operator, to be written by whoever makes the first one. */
export async function makeOperator(
  deps: Pick<Deps, 'keys' | 'public_url'>,
  read: Reader,
  { name, owner_name, owner_email: email }: NewOperator,
): Promise<{ write: Write[]; first: DraftFact; value: MadeOperator }> {
  const { key, hmac } = deps.keys.newKey('operator');
  const operatorId = newId('operator', read.now);
  const ownerId = newId('member', read.now);
  const keyId = newId('key', read.now);
  const made = draft(operatorBootstrapped, {
    name,
    settings: DEFAULT_SETTINGS,
    owner_id: ownerId,
    audit_origin: `${new URL(deps.public_url).host}/audit/${operatorId}`,
    key_id: keyId,
  });
  const owner = { member_id: ownerId, email, role: 'owner', status: 'active' } as const;
  const created = draft(keyCreated, { key_id: keyId, hmac, principal: { type: 'operator', id: operatorId } });
  await read.get(KEY_BY_HMAC, PLATFORM, hmac);
  const now = iso(read.now);
  const link = newLoginLink(deps.public_url, operatorId, ownerId, read.now);
  return {
    write: [
      { on: OPERATOR, operator_id: operatorId, id: operatorId, facts: [made, draft(teamChanged, owner)] },
      { on: MEMBER, operator_id: operatorId, id: ownerId, facts: [draft(memberAdded, { ...owner, name: owner_name })] },
      { on: KEY, operator_id: operatorId, id: keyId, facts: [created] },
      { on: KEY_BY_HMAC, operator_id: PLATFORM, id: hmac, facts: [created] },
      link.write,
    ],
    first: created,
    value: {
      operator: { id: operatorId, name, created_at: now, frozen: false, frozen_reason: null, settings: DEFAULT_SETTINGS },
      owner: {
        id: ownerId,
        operator_id: operatorId,
        email,
        name: owner_name,
        role: 'owner',
        status: 'active',
        allowed_connections: null,
        last_seen_at: null,
        created_at: now,
      },
      api_key: key,
      login_url: link.url,
    },
  };
}
