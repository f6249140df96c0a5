/** Connections as vault's facts tell of them. Never a secret. Pure. */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { serviceConnected, serviceDisconnected, serviceUpdated } from '@sallyport/contracts/facts/vault.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';

export interface ConnectionState {
  connection: Connection | null;
}

export const CONNECTION = {
  kind: 'connection',
  initial: (): ConnectionState => ({ connection: null }),
  evolve: (state: ConnectionState, fact: Fact): ConnectionState => {
    const made = dataOf(serviceConnected, fact) ?? dataOf(serviceUpdated, fact);
    if (made) return { connection: made.connection };
    return dataOf(serviceDisconnected, fact) ? { connection: null } : state;
  },
};

/** Could carry a call now or soon: sign-in is finished and nobody switched it off. */
export function isUsable(connection: Connection): boolean {
  return connection.status === 'active' || connection.status === 'error';
}
