/** Sign-in of people (api.md §3.6): one-time link, session, logout, and who the caller is. */
import { Type } from 'typebox';
import { Member } from '../objects/operator.ts';
import { E_PUBLIC, E_READ, E_WRITE, operation } from '../operation.ts';
import { nullable, oneOf, text, Time } from '../schema.ts';
import { ANY_SCOPE } from '../scopes.ts';

export const magicLink = operation({
  name: 'auth.magic_link',
  owner: 'passports',
  summary: 'Send a one-time link to this address, if it is a member’s; the answer never tells',
  who: ['-'],
  http: { method: 'POST', path: '/v1/auth/magic-link', status: 202, limit: 'sign_in' },
  body: Type.Object({ email: Type.String({ format: 'email', maxLength: 254 }) }),
  response: Type.Object({ sent: Type.Boolean() }),
  errors: E_PUBLIC,
});

export const verifyMagicLink = operation({
  name: 'auth.magic_link_verify',
  owner: 'passports',
  summary: 'Sign in with a one-time link; always a new session',
  who: ['-'],
  http: { method: 'POST', path: '/v1/auth/magic-link/verify', status: 200, session_cookie: 'set', limit: 'sign_in' },
  secret_in: ['token'],
  secret_out: ['session_token'],
  body: Type.Object({ token: text(1, 256) }),
  response: Type.Object({ session_token: Type.String(), expires_at: Time, member: Member }),
  errors: [...E_PUBLIC, 'UNAUTHORIZED', 'AUDIT_UNAVAILABLE'],
});

export const logout = operation({
  name: 'auth.logout',
  owner: 'passports',
  summary: 'End the session that calls',
  who: ['R'],
  http: { method: 'POST', path: '/v1/auth/logout', status: 200, session_cookie: 'clear' },
  single_use: true,
  response: Type.Object({ ended: Type.Boolean() }),
  errors: E_WRITE,
});

export const loginLink = operation({
  name: 'members.login_link',
  owner: 'passports',
  summary: 'One-time links for a member, one per operator that has this address; asked on the host',
  who: [],
  asked_by: ['host'],
  secret_out: ['links'],
  body: Type.Object({ email: Type.String({ format: 'email', maxLength: 254 }) }),
  response: Type.Object({
    links: Type.Array(
      Type.Object({
        operator_id: Type.String(),
        operator_name: Type.String(),
        member_id: Type.String(),
        login_url: Type.String(),
        expires_at: Time,
      }),
    ),
  }),
  errors: ['INVALID_REQUEST', 'NOT_FOUND', 'AUDIT_UNAVAILABLE', 'INTERNAL_ERROR'],
});

export const me = operation({
  name: 'auth.me',
  owner: 'passports',
  summary: 'Who the caller is',
  who: ['R', 'G'],
  scope: ANY_SCOPE,
  http: { method: 'GET', path: '/v1/me', status: 200 },
  response: Type.Object({
    principal: Type.Object({
      type: oneOf(['operator', 'member', 'agent']),
      id: Type.String(),
      role: nullable(oneOf(['readonly', 'standard', 'admin', 'owner'])),
    }),
    operator_id: Type.String(),
    /** Null: not limited by scope. */
    scopes: nullable(Type.Array(Type.String())),
    /** Null: the credential ends by itself at no time. */
    expires_at: nullable(Time),
    allowed_connections: nullable(Type.Array(Type.String())),
  }),
  errors: E_READ,
});
