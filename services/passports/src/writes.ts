/** Fences and other writes that several operations share (architecture, "Views", "Revocation"). */
import type { Write } from '@sallyport/bus/compose.ts';
import type { FenceEffect } from '@sallyport/bus/fences.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { fenceSet, passportRevoked } from '@sallyport/contracts/facts/passports.ts';
import { grantTarget, type Target, target } from '@sallyport/contracts/target.ts';
import type { Issued } from './domain/passport.ts';
import type { RevocationKind } from './domain/revocation.ts';

export function fence(
  operatorId: string,
  kind: string,
  id: string,
  effect: FenceEffect,
  targets: Target[],
  reason: string,
  ack = false,
): Write {
  return {
    fence: { kind, id, effect, targets, ...(ack && { ack }) },
    operator_id: operatorId,
    fact: draft(fenceSet, { effect, targets, reason: reason.slice(0, 200) }),
  };
}

/** The answer about this agent has to be asked again. */
export function narrowedAgent(operatorId: string, agentId: string, reason: string): Write {
  return fence(operatorId, 'agent', agentId, 'narrowed', [target('agent', agentId)], reason);
}

/** Whatever a gateway keeps of this member as a caller has to be asked again. */
export function narrowedMember(operatorId: string, memberId: string, reason: string): Write {
  return fence(operatorId, 'member', memberId, 'narrowed', [target('member', memberId)], reason);
}

export function narrowedGrant(operatorId: string, agentId: string, connectionId: string, reason: string): Write {
  return fence(operatorId, 'grant', `${agentId}-${connectionId}`, 'narrowed', [grantTarget(agentId, connectionId)], reason);
}

/**
 * One passport and all that descends from it: its line, so that no refresh of it escapes. The fence says why, so that gateways refuse the line's passports
 * without a question: `reason` is what the fact on the line's head says, whole.
 */
export function revokedLine(operatorId: string, { line, jti }: Pick<Issued, 'line' | 'jti'>, reason: string): Write {
  const targets = [target('line', line), target('jti', jti)];
  return {
    fence: { kind: 'passport', id: jti, effect: 'revoked', targets, reason, ack: true },
    operator_id: operatorId,
    fact: draft(fenceSet, { effect: 'revoked', targets, reason: reason.slice(0, 200) }),
  };
}

export function revokedAgent(operatorId: string, agentId: string, reason: string, ack = true): Write {
  return fence(operatorId, 'agent', agentId, 'revoked', [target('agent', agentId)], reason, ack);
}

export interface RevokedFact {
  kind: RevocationKind;
  target: string;
  reason: string;
  /** Live jtis that go down with it, without the target itself. */
  cascaded: string[];
  count: number;
  by: string | null;
  id?: string;
}

export function revokedDraft(what: RevokedFact, whose: Pick<DraftFact, 'agent_id' | 'session_id' | 'mission_id' | 'jti'>): DraftFact {
  return draft(
    passportRevoked,
    {
      kind: what.kind,
      target: what.target,
      reason: what.reason,
      // Bulk revocations count; each passport is named by the cascade's own facts.
      cascaded: what.kind === 'single' ? what.cascaded : [],
      revoked_count: what.count,
      cascaded_count: what.cascaded.length,
      by: what.by,
    },
    { ...whose, ...(what.id !== undefined && { id: what.id }) },
  );
}

/** For writes of which nobody waits for the gateways' acknowledgements. */
export function withoutAck(writes: readonly Write[]): Write[] {
  return writes.map((write) => ('fence' in write ? { ...write, fence: { ...write.fence, ack: false } } : write));
}
