/** OAuth for people's tools (api.md §3.6): discovery, registration, code with PKCE, device flow, tokens; and what its pages ask. */
import { Type } from 'typebox';
import { operation } from '../operation.ts';
import { nullable, oneOf, text, Time } from '../schema.ts';

const ERRORS = ['INVALID_REQUEST', 'METHOD_NOT_ALLOWED', 'RATE_LIMITED', 'INTERNAL_ERROR'] as const;
const WRITE_ERRORS = [...ERRORS, 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'AUDIT_UNAVAILABLE'] as const;
/** A client sends every parameter once and leaves out what it has not (RFC 6749 §3.1). */
const parameter = (max: number): ReturnType<typeof Type.Optional<ReturnType<typeof text>>> => Type.Optional(text(1, max));

export const authorizationServer = operation({
  name: 'oauth.authorization_server',
  owner: 'passports',
  summary: 'Metadata of the authorization server (RFC 8414)',
  who: ['-'],
  http: { method: 'GET', path: '/.well-known/oauth-authorization-server', status: 200 },
  response: Type.Record(Type.String(), Type.Unknown()),
  errors: ['METHOD_NOT_ALLOWED', 'RATE_LIMITED', 'INTERNAL_ERROR'],
});

export const protectedResource = operation({
  name: 'oauth.protected_resource',
  owner: 'passports',
  summary: 'Metadata of the protected resource (RFC 9728)',
  who: ['-'],
  http: {
    method: 'GET',
    path: '/.well-known/oauth-protected-resource',
    aliases: ['/.well-known/oauth-protected-resource/mcp'],
    status: 200,
  },
  response: Type.Record(Type.String(), Type.Unknown()),
  errors: ['METHOD_NOT_ALLOWED', 'RATE_LIMITED', 'INTERNAL_ERROR'],
});

export const registerClient = operation({
  name: 'oauth.register',
  owner: 'passports',
  summary: 'Register a public client (RFC 7591)',
  who: ['-'],
  http: { method: 'POST', path: '/oauth/register', status: 201, errors: 'oauth', limit: 'sign_in' },
  body: Type.Object({
    client_name: text(1, 64),
    redirect_uris: Type.Array(text(1, 2048), { minItems: 1, maxItems: 5 }),
    grant_types: Type.Optional(nullable(Type.Array(text(1, 128), { maxItems: 10 }))),
  }),
  response: Type.Object({
    client_id: Type.String(),
    client_name: Type.String(),
    redirect_uris: Type.Array(Type.String()),
    grant_types: Type.Array(Type.String()),
    token_endpoint_auth_method: oneOf(['none']),
  }),
  errors: WRITE_ERRORS,
});

export const authorizeDevice = operation({
  name: 'oauth.device_authorization',
  owner: 'passports',
  summary: 'Begin the device flow (RFC 8628)',
  who: ['-'],
  http: {
    method: 'POST',
    path: '/oauth/device_authorization',
    status: 200,
    consumes: 'form',
    errors: 'oauth',
    limit: 'sign_in',
  },
  secret_out: ['device_code', 'user_code', 'verification_uri_complete'],
  body: Type.Object({ client_id: text(1, 64), scope: Type.Optional(text(0, 1024)) }),
  response: Type.Object({
    device_code: Type.String(),
    user_code: Type.String(),
    verification_uri: Type.String(),
    verification_uri_complete: Type.String(),
    expires_in: Type.Integer(),
    interval: Type.Integer(),
  }),
  errors: WRITE_ERRORS,
});

export const authorize = operation({
  name: 'oauth.authorize',
  owner: 'passports',
  summary: 'Begin the code flow: sends the browser to the consent page, or back with an error',
  who: ['-'],
  http: { method: 'GET', path: '/oauth/authorize', status: 302, produces: ['text/html'], errors: 'page', limit: 'sign_in' },
  query: Type.Object({
    response_type: parameter(64),
    client_id: parameter(64),
    redirect_uri: parameter(2048),
    scope: Type.Optional(text(0, 1024)),
    state: Type.Optional(text(0, 1024)),
    code_challenge: parameter(128),
    code_challenge_method: parameter(16),
    resource: parameter(2048),
  }),
  errors: [...ERRORS],
});

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

export const token = operation({
  name: 'oauth.token',
  owner: 'passports',
  summary: 'Exchange a code, a device code, a refresh token or a passport for tokens',
  who: ['-'],
  http: {
    method: 'POST',
    path: '/oauth/token',
    aliases: ['/v1/oauth/token'],
    status: 200,
    consumes: 'form',
    errors: 'oauth',
    bearer: 'optional',
    limit: 'sign_in',
  },
  secret_in: ['code', 'code_verifier', 'refresh_token', 'device_code', 'subject_token', 'client_secret'],
  secret_out: ['access_token', 'refresh_token'],
  body: Type.Object({
    grant_type: text(1, 128),
    client_id: parameter(64),
    client_secret: Type.Optional(text(0, 1024)),
    code: parameter(2048),
    redirect_uri: parameter(2048),
    code_verifier: parameter(256),
    refresh_token: parameter(2048),
    device_code: parameter(2048),
    scope: Type.Optional(text(0, 1024)),
    resource: parameter(2048),
    subject_token: parameter(16_384),
    subject_token_type: parameter(128),
  }),
  response: Type.Object({
    access_token: Type.String(),
    token_type: oneOf(['Bearer', 'N_A']),
    expires_in: Type.Integer(),
    refresh_token: Type.Optional(Type.String()),
    scope: Type.Optional(Type.String()),
    operator_id: Type.Optional(Type.String()),
    issued_token_type: Type.Optional(Type.String()),
  }),
  errors: WRITE_ERRORS,
});

export const revokeToken = operation({
  name: 'oauth.revoke',
  owner: 'passports',
  summary: 'End the tokens of which this is one (RFC 7009)',
  who: ['-'],
  http: { method: 'POST', path: '/oauth/revoke', status: 200, consumes: 'form', errors: 'oauth', limit: 'sign_in' },
  secret_in: ['token'],
  body: Type.Object({ token: text(1, 16_384), token_type_hint: Type.Optional(text(0, 64)), client_id: parameter(64) }),
  response: Type.Object({}),
  errors: WRITE_ERRORS,
});

// Asked by pages, for the person whose session the call carries.
const PAGE_ERRORS = ['INVALID_REQUEST', 'UNAUTHORIZED', 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'RATE_LIMITED', 'AUDIT_UNAVAILABLE'] as const;

export const viewRequest = operation({
  name: 'oauth.request_view',
  owner: 'passports',
  summary: 'What a client asks for: for the consent page. Session alone; a request that is none or too old is INVALID_REQUEST',
  who: ['R'],
  asked_by: ['gateway'],
  body: Type.Object({ request: text(1, 8192) }),
  response: Type.Object({
    client_id: Type.String(),
    client_name: Type.String(),
    /** One of ours. */
    built_in: Type.Boolean(),
    redirect_uri: Type.String(),
    scopes: Type.Array(Type.String()),
    email: Type.String(),
    operator_name: Type.String(),
  }),
  errors: PAGE_ERRORS,
});

export const decideRequest = operation({
  name: 'oauth.decide',
  owner: 'passports',
  summary: 'Let the client act for the signed-in member, or not. Session alone; `redirect_to` is where the browser goes',
  who: ['R'],
  asked_by: ['gateway'],
  secret_out: ['redirect_to'],
  body: Type.Object({ request: text(1, 8192), approve: Type.Boolean() }),
  response: Type.Object({ redirect_to: Type.String() }),
  errors: PAGE_ERRORS,
});

export const viewDevice = operation({
  name: 'device.view',
  owner: 'passports',
  summary: 'What a device asks for, by its user code. Session alone; wrong codes are counted: RATE_LIMITED',
  who: ['R'],
  asked_by: ['gateway'],
  secret_in: ['user_code'],
  secret_out: ['user_code'],
  body: Type.Object({ user_code: text(1, 32) }),
  response: Type.Object({
    user_code: Type.String(),
    client_id: Type.String(),
    client_name: Type.String(),
    built_in: Type.Boolean(),
    scopes: Type.Array(Type.String()),
    /** Where the code was asked for. */
    address: Type.String(),
    asked_at: Time,
    expires_at: Time,
    email: Type.String(),
    operator_name: Type.String(),
  }),
  errors: PAGE_ERRORS,
});

export const decideDevice = operation({
  name: 'device.decide',
  owner: 'passports',
  summary: 'Let the device act for the signed-in member, or not. Session alone',
  who: ['R'],
  asked_by: ['gateway'],
  secret_in: ['user_code'],
  body: Type.Object({ user_code: text(1, 32), approve: Type.Boolean() }),
  response: Type.Object({ approved: Type.Boolean() }),
  errors: PAGE_ERRORS,
});
