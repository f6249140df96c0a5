/**
 * Signals whose effect is a revocation (detectors.md 1.6). Done once: a revocation of the target that stands after the signal in the log is the signal's own, or
 * made it needless; two processes meet at the aggregate's expected sequence.
 */
import type { Entry } from '@sallyport/bus/follow.ts';
import type { Decision, Reader } from '@sallyport/bus/ledger.ts';
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { signalRaised } from '@sallyport/contracts/facts/detection.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import { target } from '@sallyport/contracts/target.ts';
import type { Deps } from '../deps.ts';
import { AGENT } from '../domain/agent.ts';
import { SESSION } from '../domain/session.ts';
import { livePassports } from '../projections/live-passports.ts';
import { announce } from '../propagation.ts';
import { revokeSingle } from '../revoking.ts';
import { fence, type RevokedFact, revokedAgent, revokedDraft, withoutAck } from '../writes.ts';
import { scopeAfter } from './consumer.ts';

export const SIGNAL_KINDS = ['signal'] as const;

/** The published event, without what the log adds; null when nothing was left to do. */
type Effect = { event: { type: string } & Record<string, unknown>; count: number } | null;

export function actOnSignals(deps: Deps): (entry: Entry) => Promise<void> {
  return async (entry) => {
    for (const fact of entry.facts()) {
      const signal = dataOf(signalRaised, fact);
      if (!signal || signal.dry_run || signal.effect === 'none') continue;
      const reason = signal.effect_reason ?? `${signal.detector}_fire: ${signal.code}`;
      const { effect } = signal;
      const decided = await deps.ledger.decide<Effect>(scopeAfter(fact, 'detectors'), (read) => {
        if (effect === 'revoke') return onePassport(deps, read, fact, reason);
        return effect === 'revoke_session' ? session(deps, read, fact, entry.seq, reason) : agent(deps, read, fact, entry.seq, reason);
      });
      if (decided.ok && decided.value) {
        const { event, count } = decided.value;
        announce(deps, fact.operator_id, { ...event, operator_id: fact.operator_id, reason, at: deps.clock.now() }, count);
      }
    }
  };
}

const nothing: Decision<Effect> = { write: [], value: null };

async function onePassport(deps: Deps, read: Reader, { operator_id, jti }: Fact, reason: string): Promise<Decision<Effect>> {
  if (jti === undefined) return nothing;
  const input = { operator_id, jti, reason, by: 'service:detectors', as: null, terminal_state: 'revoked_adversarial' } as const;
  const made = await revokeSingle(deps, read, input);
  if ('deny' in made || made.value.already_revoked) return nothing;
  const { cascaded } = made.value;
  return { write: withoutAck(made.write), value: { event: { type: 'single', jti, cascaded }, count: 1 + cascaded.length } };
}

async function session(deps: Deps, read: Reader, fact: Fact, seq: number, reason: string): Promise<Decision<Effect>> {
  const { operator_id, session_id: id } = fact;
  if (!isId('session', id)) return nothing;
  const { revocation } = (await read.get(SESSION, operator_id, id)).state;
  if (revocation.seq > seq) return nothing;
  const { own } = await livePassports(deps, operator_id, { session_id: id });
  const revoked: RevokedFact = { kind: 'bulk_session', target: id, reason, cascaded: [], count: own.length, by: 'service:detectors' };
  return {
    write: [
      { on: SESSION, operator_id, id, facts: [revokedDraft(revoked, { session_id: id })] },
      fence(operator_id, 'session', id, 'revoked', [target('session', id)], reason),
    ],
    value: { event: { type: 'bulk_session', session_id: id, revoked_count: own.length }, count: own.length },
  };
}

async function agent(deps: Deps, read: Reader, fact: Fact, seq: number, reason: string): Promise<Decision<Effect>> {
  const { operator_id, agent_id: id } = fact;
  if (!isId('agent', id)) return nothing;
  const { state } = await read.get(AGENT, operator_id, id);
  if (!state.agent || state.revocation.seq > seq) return nothing;
  const { own, descendants } = await livePassports(deps, operator_id, { agent_id: id });
  const revoked: RevokedFact = {
    kind: 'bulk_agent',
    target: id,
    reason,
    cascaded: descendants,
    count: own.length,
    by: 'service:detectors',
  };
  return {
    write: [{ on: AGENT, operator_id, id, facts: [revokedDraft(revoked, { agent_id: id })] }, revokedAgent(operator_id, id, reason, false)],
    value: {
      event: { type: 'bulk_agent', agent_id: id, revoked_count: own.length, cascaded_count: descendants.length },
      count: own.length,
    },
  };
}
