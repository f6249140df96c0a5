/** A signal and what people did with it (detectors.md §6.1): state and evolution. Pure. */
import { type Denial, notFound } from '@sallyport/contracts/errors.ts';
import { type DraftFact, dataOf, draft, type Fact } from '@sallyport/contracts/fact.ts';
import { securityEventAcknowledged, securityEventResolved, signalRaised, signalRepeated } from '@sallyport/contracts/facts/detection.ts';

export type SignalState = { status: 'none' } | { status: 'open' | 'acknowledged' | 'resolved'; count: number };

export const signalKind = {
  kind: 'signal',
  initial: (): SignalState => ({ status: 'none' }),
  evolve: (state: SignalState, fact: Fact): SignalState => {
    if (dataOf(signalRaised, fact)) return { status: 'open', count: 1 };
    if (state.status === 'none') return state;
    const repeated = dataOf(signalRepeated, fact);
    if (repeated) return { ...state, count: repeated.count };
    if (dataOf(securityEventAcknowledged, fact)) return { ...state, status: 'acknowledged' };
    return dataOf(securityEventResolved, fact) ? { ...state, status: 'resolved' } : state;
  },
};

export type SignalDecision = { deny: Denial } | { facts: DraftFact[] };

/** Idempotent; what is resolved stays so. */
export function acknowledge(state: SignalState, id: string): SignalDecision {
  if (state.status === 'none') return { deny: notFound('Security event', id) };
  return { facts: state.status === 'open' ? [draft(securityEventAcknowledged, { signal_id: id })] : [] };
}

/** Idempotent: the first resolution stays. */
export function resolve(state: SignalState, id: string, how: { resolution: string; note: string | null }): SignalDecision {
  if (state.status === 'none') return { deny: notFound('Security event', id) };
  return { facts: state.status === 'resolved' ? [] : [draft(securityEventResolved, { signal_id: id, ...how })] };
}
