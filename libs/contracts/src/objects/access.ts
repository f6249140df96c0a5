/** Constraints, scopes, grants: what an agent may reach (api.md §5.3, §6, §9). Unknown members are refused throughout. */
import { type Static, Type } from 'typebox';
import { idOf, Json, nullable, oneOf, opt, Slug, strict, text, Time } from '../schema.ts';

export const Constraint = Type.Object(
  { path: text(1, 256), op: oneOf(['eq', 'not_eq', 'in', 'not_in', 'matches', 'starts_with']), value: Json },
  strict,
);
export type Constraint = Static<typeof Constraint>;

export const NamedIntentReference = Type.Object({ name: text(1, 128), params: opt(Type.Record(Type.String(), Json)) }, strict);
export type NamedIntentReference = Static<typeof NamedIntentReference>;

const rules = {
  constraints: opt(Type.Array(Constraint)),
  intents: opt(Type.Array(NamedIntentReference, { maxItems: 32 })),
  any_of: opt(Type.Array(Type.Array(Constraint, { minItems: 1, maxItems: 8 }), { maxItems: 16 })),
  any_intents: opt(Type.Array(NamedIntentReference, { maxItems: 16 })),
};

export const ServiceScope = Type.Object(
  {
    service_connection_id: opt(Type.String()),
    service: opt(Type.String()),
    scopes: opt(Type.Array(text(1, 128), { maxItems: 64 })),
    ...rules,
    allow_data_from: opt(Type.Array(Slug, { maxItems: 64 })),
  },
  strict,
);
export type ServiceScope = Static<typeof ServiceScope>;

export const Approval = Type.Union([
  oneOf(['never', 'writes', 'always']),
  Type.Array(Type.Array(Constraint, { minItems: 1 }), { minItems: 1, maxItems: 16 }),
]);
export type Approval = Static<typeof Approval>;

const approvalRule = {
  quorum: Type.Integer({ minimum: 1, maximum: 5 }),
  approver_roles: Type.Array(oneOf(['standard', 'admin', 'owner']), { minItems: 1, uniqueItems: true }),
  four_eyes: Type.Boolean(),
  pending_ttl_seconds: Type.Integer({ minimum: 60, maximum: 86400 }),
  approved_ttl_seconds: Type.Integer({ minimum: 30, maximum: 3600 }),
};
export const ApprovalRule = Type.Object(approvalRule, strict);
export type ApprovalRule = Static<typeof ApprovalRule>;
export const DEFAULT_APPROVAL_RULE: ApprovalRule = {
  quorum: 1,
  approver_roles: ['admin', 'owner'],
  four_eyes: false,
  pending_ttl_seconds: 3600,
  approved_ttl_seconds: 300,
};

/** Body of `PUT /v1/agents/:id/grants/:connection_id`. */
export const GrantInput = Type.Object(
  {
    scopes: opt(Type.Array(text(1, 128), { minItems: 1, maxItems: 64 })),
    ...rules,
    allow_data_from: opt(Type.Array(Type.String(), { maxItems: 64 })),
    approval: opt(Approval),
    approval_rule: opt(Type.Partial(ApprovalRule, strict)),
    expires_at: opt(Time),
  },
  strict,
);
export type GrantInput = Static<typeof GrantInput>;

export const Grant = Type.Object({
  agent_id: idOf('agent'),
  connection_id: idOf('connection'),
  service: Type.String(),
  scopes: Type.Array(Type.String()),
  constraints: Type.Array(Constraint),
  intents: Type.Array(NamedIntentReference),
  any_of: Type.Array(Type.Array(Constraint)),
  any_intents: Type.Array(NamedIntentReference),
  allow_data_from: Type.Array(Type.String()),
  approval: Approval,
  approval_rule: ApprovalRule,
  expires_at: nullable(Time),
  version: Type.Integer(),
  created_at: Time,
  updated_at: Time,
});
export type Grant = Static<typeof Grant>;
