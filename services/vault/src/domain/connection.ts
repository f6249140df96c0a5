/**
 * A connection: state and evolution (api.md §12). Pure. Facts carry the whole object, so the last one is the state; which connection of a
 * provider is its default is decided in `provider.ts`.
 */
import { iso } from '@sallyport/contracts/time.ts';
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { serviceConnected, serviceDisconnected, serviceUpdated, serviceVerified } from '@sallyport/contracts/facts/vault.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';

export type ConnectionState = { status: 'none' } | { status: 'live'; connection: Connection } | { status: 'gone' };

export const connectionKind = {
  kind: 'connection',
  initial: (): ConnectionState => ({ status: 'none' }),
  evolve: (state: ConnectionState, fact: Fact): ConnectionState => {
    const changed = dataOf(serviceConnected, fact) ?? dataOf(serviceUpdated, fact);
    if (changed) return { status: 'live', connection: changed.connection };
    if (dataOf(serviceDisconnected, fact)) return { status: 'gone' };
    const verified = dataOf(serviceVerified, fact);
    if (verified && state.status === 'live') return { status: 'live', connection: withVerification(state.connection, verified) };
    return state;
  },
};

function withVerification(connection: Connection, result: { verification: string; at_ms: number }): Connection {
  const verification = result.verification === 'verified' ? 'verified' : result.verification === 'failed' ? 'failed' : 'unverified';
  return { ...connection, verification, verified_at: iso(result.at_ms) };
}
