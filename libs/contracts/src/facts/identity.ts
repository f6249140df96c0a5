/** Facts about operators, members, keys, agents and grants; written by `passports`. */
import { Type } from 'typebox';
import { factType } from '../fact.ts';
import { Constraint, Grant } from '../objects/access.ts';
import { Agent, PublicJwk } from '../objects/agent.ts';
import { OperatorSettings } from '../objects/operator.ts';
import { nullable, oneOf } from '../schema.ts';
import { ROLES } from '../principal.ts';

export const operatorBootstrapped = factType(
  'operator.bootstrapped',
  1,
  Type.Object({
    name: Type.String(),
    settings: OperatorSettings,
    owner_id: Type.String(),
    audit_origin: Type.String(),
    key_id: Type.Optional(Type.String()),
  }),
);
export const operatorFrozen = factType('operator.frozen', 1, Type.Object({ reason: Type.String() }));
export const operatorUnfrozen = factType('operator.unfrozen', 1, Type.Object({ reason: Type.String() }));

export const memberAdded = factType(
  'member.added',
  1,
  Type.Object({
    member_id: Type.String(),
    name: Type.String(),
    email: Type.String(),
    role: oneOf(ROLES),
    status: oneOf(['invited', 'active']),
  }),
);

/** `hmac`: HMAC-SHA-256, under the server's pepper, of the key's SHA-256; hex. Never the key. */
export const keyCreated = factType(
  'key.created',
  1,
  Type.Object({
    key_id: Type.String(),
    hmac: Type.String(),
    principal: Type.Object({ type: oneOf(['operator', 'member']), id: Type.String() }),
  }),
);
export const keyRetired = factType('key.retired', 1, Type.Object({ key_id: Type.String(), dies_at_ms: Type.Integer() }));
export const operatorKeyRotated = factType(
  'operator.key_rotated',
  1,
  Type.Object({ old_key_id: Type.String(), new_key_id: Type.String(), grace_seconds: Type.Integer() }),
);

const { id: _id, ...agentFields } = Agent.properties;
export const agentRegistered = factType('agent.registered', 1, Type.Object({ agent: Agent }));
export const agentUpdated = factType('agent.updated', 1, Type.Object({ changes: Type.Partial(Type.Object(agentFields)) }));
export const agentDeleted = factType('agent.deleted', 1, Type.Object({ reason: Type.Optional(Type.String()) }));
/** `by`: `operator`, `review` (a critical finding) or `warning`. `review_id`: the review that blocks. */
export const agentBlocked = factType(
  'agent.blocked',
  1,
  Type.Object({ reason: Type.String(), by: Type.String(), review_id: Type.Optional(Type.String()) }),
);
export const agentUnblocked = factType('agent.unblocked', 1, Type.Object({ comment: nullable(Type.String()) }));
export const agentEnrolled = factType(
  'agent.enrolled',
  1,
  Type.Object({ public_key: PublicJwk, key_thumbprint: Type.String(), challenge_id: Type.String(), rotated: Type.Boolean() }),
);
export const agentChallenged = factType(
  'agent.challenged',
  1,
  Type.Object({
    challenge_id: Type.String(),
    challenge: Type.String(),
    expires_at_ms: Type.Integer(),
    principal: Type.String(),
  }),
);
/** On `unique.<hash>`: this thumbprint belongs to this agent; a later fact on the subject frees it. */
export const thumbprintTaken = factType('thumbprint.taken', 1, Type.Object({ key_thumbprint: Type.String() }));
export const thumbprintFreed = factType('thumbprint.freed', 1, Type.Object({ key_thumbprint: Type.String() }));

/** `expanded`: constraints and `any_of` with the grant's named intents written out; absent when it has none. */
export const grantChanged = factType(
  'grant.changed',
  1,
  Type.Object({
    grant: Grant,
    expanded: Type.Optional(Type.Object({ constraints: Type.Array(Constraint), any_of: Type.Array(Type.Array(Constraint)) })),
  }),
);
/** `excluded`: implicit access to the connection is switched off too. */
export const grantRemoved = factType('grant.removed', 1, Type.Object({ connection_id: Type.String(), existed: Type.Boolean() }));
