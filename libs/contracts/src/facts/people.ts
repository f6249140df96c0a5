/**
 * Facts about members and the operator's own settings (api.md §4, §17); written by `passports`. Invitations and keys are in no fact: only an HMAC of what has
 * 256 random bits. `member.added` (a member from the start) stands beside them in `identity.ts`.
 */
import { Type } from 'typebox';
import { factType } from '../fact.ts';
import { OperatorSettings } from '../objects/operator.ts';
import { ROLES } from '../principal.ts';
import { nullable, oneOf } from '../schema.ts';

const connections = nullable(Type.Array(Type.String()));

/** A second one for the same member is a new invitation: the earlier link is void. */
export const memberInvited = factType(
  'member.invited',
  1,
  Type.Object({
    member_id: Type.String(),
    name: Type.String(),
    email: Type.String(),
    role: oneOf(ROLES),
    allowed_connections: connections,
    invite_hmac: Type.String(),
    expires_at_ms: Type.Integer(),
  }),
);
export const memberAccepted = factType('member.accepted', 1, Type.Object({ member_id: Type.String(), key_id: Type.String() }));
export const memberUpdated = factType(
  'member.updated',
  1,
  Type.Object({
    member_id: Type.String(),
    changes: Type.Partial(Type.Object({ name: Type.String(), role: oneOf(ROLES), allowed_connections: connections })),
  }),
);
export const memberKeyRotated = factType(
  'member.key_rotated',
  1,
  Type.Object({ member_id: Type.String(), old_key_id: nullable(Type.String()), new_key_id: Type.String() }),
);
/** `revoke_passports`: those that the member issued die too. */
export const memberRemoved = factType('member.removed', 1, Type.Object({ member_id: Type.String(), revoke_passports: Type.Boolean() }));

/** On the operator, so that who is an owner, who could decide and whose address is taken is settled at one place. Part of the decision above. */
export const teamChanged = factType(
  'team.changed',
  1,
  Type.Object({
    member_id: Type.String(),
    email: Type.String(),
    role: oneOf(ROLES),
    status: oneOf(['invited', 'active', 'removed']),
  }),
);

export const operatorUpdated = factType(
  'operator.updated',
  1,
  Type.Object({ changes: Type.Object({ name: Type.Optional(Type.String()), settings: Type.Optional(Type.Partial(OperatorSettings)) }) }),
);
/** The first sign-in of a member: from now on only a person loosens protections (api.md §3.2). */
export const operatorSignedIn = factType('operator.signed_in', 1, Type.Object({ member_id: Type.String() }));
