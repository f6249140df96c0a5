/**
 * How things get their hash in entries: each kind under a prefix of its own, so that no id of one kind can stand for another.
 * Writers (gateways) and readers (audit, the sweeper) use the same functions.
 */
import { hash12, type Target } from '@sallyport/contracts/target.ts';
import { type Hash, hashOf } from './entry.ts';

export function targetHash(target: Target): Hash {
  return hashOf(hash12(target));
}

/** Of the id `evt_…` of an attempt's fact. */
export function attemptHash(factId: string): Hash {
  return hashOf(hash12(`attempt:${factId}`));
}

export function bootHash(bootId: string): Hash {
  return hashOf(hash12(`boot:${bootId}`));
}

/** The id that the caller gave; unique within a mission only. */
export function operationHash(operationId: string): Hash {
  return hashOf(hash12(`operation:${operationId}`));
}

export function digestHash(callDigest: string): Hash {
  return hashOf(hash12(`digest:${callDigest}`));
}

export function approvalHash(approvalId: string): Hash {
  return hashOf(hash12(`approval:${approvalId}`));
}

/** `jti` is chosen by the agent, so it counts within that agent alone. */
export function jwtHash(agentId: string, jti: string): Hash {
  return hashOf(hash12(`jwt:${agentId}:${jti}`));
}

/** Provider slug. */
export function serviceHash(slug: string): Hash {
  return hashOf(hash12(`service:${slug}`));
}
