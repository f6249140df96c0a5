/** The operator, its keys, and who a credential is (api.md §4, §3.1). */
import { Type } from 'typebox';
import { Member, Operator, SettingsPatch } from '../objects/operator.ts';
import { OperatorView, PrincipalView, RefusedCredential } from '../objects/views.ts';
import { E_PUBLIC, E_READ, E_WRITE, operation } from '../operation.ts';
import { nullable, opt, text, Time } from '../schema.ts';

export const bootstrap = operation({
  name: 'operator.bootstrap',
  owner: 'passports',
  secret_in: ['bootstrap_token'],
  secret_out: ['api_key', 'login_url'],
  summary: 'Make the first operator, with the one-time token of the first start',
  who: ['-'],
  http: { method: 'POST', path: '/v1/bootstrap', status: 201 },
  creates: true,
  body: Type.Object({
    bootstrap_token: text(1, 256),
    operator_name: text(1, 100),
    owner_email: Type.String({ format: 'email', maxLength: 254 }),
    owner_name: text(1, 100),
  }),
  response: Type.Object({ operator: Operator, owner: Member, api_key: Type.String(), login_url: nullable(Type.String()) }),
  errors: [...E_PUBLIC, 'UNAUTHORIZED', 'CONFLICT', 'AUDIT_UNAVAILABLE'],
});

export const createOperator = operation({
  name: 'operators.create',
  owner: 'passports',
  secret_out: ['api_key', 'login_url'],
  summary: 'Make an operator, its owner and its key; asked on the host',
  who: [],
  asked_by: ['host'],
  body: Type.Object({
    name: text(1, 100),
    owner_email: Type.String({ format: 'email', maxLength: 254 }),
    owner_name: text(1, 100),
  }),
  response: Type.Object({ operator: Operator, owner: Member, api_key: Type.String(), login_url: nullable(Type.String()) }),
  errors: ['INVALID_REQUEST', 'AUDIT_UNAVAILABLE', 'INTERNAL_ERROR'],
});

export const getOperator = operation({
  name: 'operator.get',
  owner: 'passports',
  summary: 'The operator and its settings',
  who: ['R'],
  http: { method: 'GET', path: '/v1/operator', status: 200 },
  response: Operator,
  errors: E_READ,
});

export const updateOperator = operation({
  name: 'operator.update',
  owner: 'passports',
  summary: 'Change the name or settings of the operator',
  who: ['A'],
  http: { method: 'PATCH', path: '/v1/operator', status: 200 },
  single_use: true,
  body: Type.Object({ name: opt(text(1, 100)), settings: opt(SettingsPatch) }),
  response: Operator,
  errors: [...E_WRITE, 'GOVERNANCE_APPROVAL_REQUIRED'],
});

export const rotateKey = operation({
  name: 'operator.rotate_key',
  owner: 'passports',
  secret_out: ['api_key'],
  summary: 'Replace the operator key',
  who: ['W'],
  http: { method: 'POST', path: '/v1/operator/rotate-key', status: 200 },
  single_use: true,
  body: Type.Object({ grace_seconds: opt(Type.Integer({ minimum: 0, maximum: 86400 })) }),
  response: Type.Object({ api_key: Type.String(), old_key_expires_at: Time }),
  errors: E_WRITE,
});

const reason = Type.Object({ reason: text(1, 500) });
export const freeze = operation({
  name: 'operator.freeze',
  owner: 'passports',
  summary: 'Stop issue, proxy and credential reads of the whole operator',
  who: ['A'],
  http: { method: 'POST', path: '/v1/operator/freeze', status: 200 },
  single_use: true,
  body: reason,
  response: Operator,
  errors: E_WRITE,
});
export const unfreeze = operation({
  name: 'operator.unfreeze',
  owner: 'passports',
  summary: 'End the freeze',
  who: ['A'],
  http: { method: 'POST', path: '/v1/operator/unfreeze', status: 200 },
  single_use: true,
  body: reason,
  response: Operator,
  errors: E_WRITE,
});

export const principalResolve = operation({
  name: 'principal.resolve',
  owner: 'passports',
  summary: 'Who a credential is: a key by its SHA-256, a session or access token whole; null for no live member or operator',
  who: [],
  asked_by: ['gateway', 'vault', 'audit', 'detectors'],
  body: Type.Object({ sha256: Type.Optional(Type.String()), token: Type.Optional(Type.String()), min_seq: Type.Integer() }),
  response: nullable(Type.Union([PrincipalView, RefusedCredential])),
  errors: [],
});

export const operatorResolve = operation({
  name: 'operator.resolve',
  owner: 'passports',
  summary: 'Freeze and settings of an operator, as of a log position',
  who: [],
  asked_by: ['gateway', 'vault', 'audit', 'detectors'],
  body: Type.Object({ operator_id: Type.String(), min_seq: Type.Integer() }),
  response: nullable(OperatorView),
  errors: [],
});

const SealKey = Type.Object({ key: Type.Record(Type.String(), Type.String()) });
/** The public key to which the edge seals the `secret_in` fields of each owner. */
export const passportsSealKey = operation({
  name: 'passports.seal_key',
  owner: 'passports',
  summary: 'Public key for secret fields',
  who: [],
  asked_by: ['gateway'],
  response: SealKey,
  errors: [],
});
export const vaultSealKey = operation({
  name: 'vault.seal_key',
  owner: 'vault',
  summary: 'Public key for secret fields',
  who: [],
  asked_by: ['gateway'],
  response: SealKey,
  errors: [],
});
