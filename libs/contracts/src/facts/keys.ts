/**
 * Facts about the key sets that tokens are signed with; written by `passports` (api.md §6.2). Public parts only. What happens to a set stands once, under the
 * platform; `key.rotated` and `key.revoked` tell it to each operator and are the rows of its audit chain.
 */
import { Type } from 'typebox';
import { factType } from '../fact.ts';
import { PublicJwk } from '../objects/agent.ts';
import { nullable, oneOf } from '../schema.ts';

/** What a set signs; none signs for another purpose. */
export const KEYSET_PURPOSES = ['passport', 'session'] as const;
export type KeysetPurpose = (typeof KEYSET_PURPOSES)[number];

const purpose = oneOf(KEYSET_PURPOSES);

/** `active`: the first key of a set, or one in the place of a key that was lost or revoked. Times are Unix ms of the ledger's clock. */
export const signingKeyAdded = factType(
  'signing_key.added',
  1,
  Type.Object({ purpose, kid: Type.String(), public_key: PublicJwk, state: oneOf(['next', 'active']), at_ms: Type.Integer() }),
);
/** The next key signs from here on; the one that signed before is retired. */
export const signingKeyPromoted = factType(
  'signing_key.promoted',
  1,
  Type.Object({ purpose, kid: Type.String(), retired: nullable(Type.String()), at_ms: Type.Integer() }),
);
/** Nothing that it signed lives any more. */
export const signingKeyRemoved = factType('signing_key.removed', 1, Type.Object({ purpose, kid: Type.String(), at_ms: Type.Integer() }));
/** The emergency: nothing that it signed counts from here on. `replaced_by`: the key that signs now. */
export const signingKeyRevoked = factType(
  'signing_key.revoked',
  1,
  Type.Object({ purpose, kid: Type.String(), replaced_by: Type.String(), reason: Type.String(), at_ms: Type.Integer() }),
);

const told = { purpose, kid: Type.String() };
export const keyRotated = factType('key.rotated', 1, Type.Object({ ...told, retired: nullable(Type.String()) }));
export const keyRevoked = factType('key.revoked', 1, Type.Object({ ...told, replaced_by: Type.String(), reason: Type.String() }));
