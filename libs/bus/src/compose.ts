/**
 * From the writes of a decision to the messages of one batch: one message per aggregate, unique thing and fence. Pure but for message ids.
 */
import { randomBytes } from 'node:crypto';
import type { DraftFact, Fact } from '@sallyport/contracts/fact.ts';
import type { Message } from './append.ts';
import { type FenceEffect, fenceHeaders } from './fences.ts';
import { aggregateSubject, fenceSubject, PLATFORM, uniqueSubject } from './subjects.ts';

export type Write =
  | { on: { kind: string }; operator_id: string; id: string; facts: DraftFact[] }
  | {
      /** `targets`: `<kind>:<id>` each. `reason`: for callers whom it refuses. `ack`: gateways are asked to say when they have read it. */
      fence: { kind: string; id: string; effect: FenceEffect; targets: string[]; reason?: string; ack?: boolean };
      operator_id: string;
      fact: DraftFact;
    }
  | { unique: string; operator_id: string; fact: DraftFact };

interface Composing {
  newFact: (draft: DraftFact, operatorId: string) => Fact;
  /** Inbox for the fences that ask for acknowledgements. */
  ack: string | undefined;
}

/** Messages with an expectation come first: the first one stands for the batch. `expectations`: subject → sequence that was read. */
export function compose(
  scope: { operator_id: string },
  writes: Write[],
  expectations: Map<string, number>,
  { newFact, ack }: Composing,
): Message[] {
  const expecting = new Map<string, Message>();
  const fences: Message[] = [];
  for (const write of writes) {
    const owner = write.operator_id === PLATFORM ? scope.operator_id : write.operator_id;
    if ('on' in write) {
      const subject = aggregateSubject(write.operator_id, write.on.kind, write.id);
      const facts = write.facts.map((fact) => newFact(fact, owner));
      const known = expecting.get(subject);
      if (known) known.facts.push(...facts);
      else if (facts.length > 0) expecting.set(subject, { subject, facts, expect: expectations.get(subject) ?? 0, id: messageId() });
    } else if ('unique' in write) {
      const subject = uniqueSubject(write.operator_id, write.unique);
      if (!expectations.has(subject)) throw new Error('a decision reads a unique thing before it writes it');
      if (expecting.has(subject)) throw new Error('one decision writes a unique thing once');
      expecting.set(subject, { subject, facts: [newFact(write.fact, owner)], expect: 0, id: messageId() });
    } else {
      const { kind, id, effect, targets, reason } = write.fence;
      const headers = fenceHeaders(effect, kind, id, targets, { reason, ack: write.fence.ack ? ack : undefined });
      fences.push({ subject: fenceSubject(write.operator_id, kind, id), facts: [newFact(write.fact, owner)], headers, id: messageId() });
    }
  }
  return [...expecting.values(), ...fences];
}

export function messageId(): string {
  return randomBytes(12).toString('base64url');
}
