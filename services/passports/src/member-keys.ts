/** Keys of members inside a decision: a new one, and the end of the one before. */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { keyCreated, keyRetired } from '@sallyport/contracts/facts/identity.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from './deps.ts';
import { KEY, KEY_BY_HMAC } from './domain/key.ts';

/** `scope.operator_id` of the decision has to be the member's operator. */
export async function newMemberKey(
  { keys }: Pick<Deps, 'keys'>,
  read: Reader,
  operator_id: string,
  memberId: string,
): Promise<{ key: string; key_id: string; write: Write[] }> {
  const { key, hmac } = keys.newKey('member');
  const key_id = newId('key', read.now);
  await read.get(KEY_BY_HMAC, PLATFORM, hmac);
  const created = draft(keyCreated, { key_id, hmac, principal: { type: 'member', id: memberId } });
  return {
    key,
    key_id,
    write: [
      { on: KEY, operator_id, id: key_id, facts: [created] },
      { on: KEY_BY_HMAC, operator_id: PLATFORM, id: hmac, facts: [created] },
    ],
  };
}

/** Dead from now on; nothing where there is none. */
export async function retiredKey(read: Reader, operator_id: string, keyId: string | null): Promise<Write[]> {
  if (keyId === null) return [];
  await read.get(KEY, operator_id, keyId);
  return [{ on: KEY, operator_id, id: keyId, facts: [draft(keyRetired, { key_id: keyId, dies_at_ms: read.now })] }];
}
