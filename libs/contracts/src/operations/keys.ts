/** The keys that tokens are signed with, for the administrator on the host (api.md §6.2, §22). Nobody reaches these by HTTP. */
import { type Static, Type } from 'typebox';
import { KEYSET_PURPOSES } from '../facts/keys.ts';
import { operation } from '../operation.ts';
import { nullable, oneOf, opt, text, Time } from '../schema.ts';

const purpose = oneOf(KEYSET_PURPOSES);

export const SigningKey = Type.Object({
  purpose,
  kid: Type.String(),
  state: oneOf(['next', 'active', 'retired', 'removed', 'revoked']),
  /** Since when it is in this state. */
  since: Time,
  /** When it changes by itself. */
  changes_at: nullable(Time),
});
export type SigningKey = Static<typeof SigningKey>;

export const listKeys = operation({
  name: 'keys.list',
  owner: 'passports',
  summary: 'Signing keys and their states',
  who: [],
  asked_by: ['host'],
  response: Type.Object({ keys: Type.Array(SigningKey) }),
  errors: [],
});

export const rotateKeys = operation({
  name: 'keys.rotate',
  owner: 'passports',
  summary: 'Publish the next signing key; it signs after ten minutes. Repeating changes nothing',
  who: [],
  asked_by: ['host'],
  body: Type.Object({ purpose: opt(purpose) }),
  response: Type.Object({ keys: Type.Array(SigningKey) }),
  errors: [],
});

export const revokeKey = operation({
  name: 'keys.revoke',
  owner: 'passports',
  summary: 'Emergency: another key signs at once, and nothing that this one signed counts any more',
  who: [],
  asked_by: ['host'],
  body: Type.Object({ kid: text(1, 64), reason: opt(text(0, 500)) }),
  response: Type.Object({
    kid: Type.String(),
    already_revoked: Type.Boolean(),
    /** The key that signs now. */
    active: Type.String(),
    /** Operators whose passports were revoked with it. */
    operators: Type.Integer(),
    revoked_count: Type.Integer(),
    propagation: Type.Object({ gateways: Type.Integer(), acknowledged: Type.Integer(), elapsed_ms: Type.Integer() }),
  }),
  errors: ['NOT_FOUND', 'AUDIT_UNAVAILABLE'],
});
