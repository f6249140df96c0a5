/**
 * What `audit` tells gateways of the calls that stand in the log before their window (architecture, "The window"). Hashes are those of entries
 * (12 bytes), base64url.
 */
import { type Static, Type } from 'typebox';
import { operation } from '../operation.ts';
import { nullable, oneOf } from '../schema.ts';

const Hash = Type.String({ pattern: '^[A-Za-z0-9_-]{16}$' });
const Seq = Type.Integer({ minimum: 0 });
const CountKey = { mission: Hash, kind: oneOf(['actions', 'actions_per_service']), service: nullable(Hash) };

/** A mission and all that were opened below it, by the rules of `admit`, as of `position`. */
export const MissionOperations = Type.Object({
  position: Seq,
  operations: Type.Array(
    Type.Object({ mission: Hash, id: Hash, digest: Hash, state: oneOf(['running', 'success', 'failure', 'unknown', 'denied']) }),
  ),
  /** Consumed. */
  approvals: Type.Array(Type.Object({ mission: Hash, id: Hash })),
  /** `used`: calls that count against a cap. */
  counts: Type.Array(Type.Object({ ...CountKey, used: Type.Integer() })),
  /** Admitted attempts without a closing, and what a closing without a byte sent gives back. */
  open: Type.Array(
    Type.Object({
      attempt: Hash,
      mission: Hash,
      operation: nullable(Type.Object({ id: Hash, digest: Hash })),
      counts: Type.Array(Type.Object(CountKey)),
    }),
  ),
});
export type MissionOperations = Static<typeof MissionOperations>;

/** `mission_id`: the outermost; `min_position`: the answer is complete at least up to it. */
export const missionOperations = operation({
  name: 'mission.operations',
  owner: 'audit',
  summary: 'Operations, consumed approvals and counts of a mission and those below it',
  who: [],
  asked_by: ['gateway'],
  body: Type.Object({ operator_id: Type.String(), mission_id: Type.String(), min_position: Seq }),
  response: MissionOperations,
  errors: ['READ_MODEL_BEHIND'],
});

/** `reason` null: admitted. `seq`, `index`: where the attempt stands in the log. */
export const OpenAttempts = Type.Object({
  attempts: Type.Array(Type.Object({ attempt: Hash, boot: Hash, seq: Seq, index: Seq, reason: nullable(Type.String()) })),
});
export type OpenAttempts = Static<typeof OpenAttempts>;

export const openAttempts = operation({
  name: 'attempts.open',
  owner: 'audit',
  summary: 'Attempts without a closing: of one gateway start, at most 1,000, or the first of every start that has any',
  who: [],
  asked_by: ['gateway'],
  body: Type.Object({ boot: nullable(Hash), min_position: Seq }),
  response: OpenAttempts,
  errors: ['READ_MODEL_BEHIND'],
});
