/** From domain decisions to writes of the ledger: a connection's facts, the fence that goes with them, the provider's register. */
import { iso } from '@sallyport/contracts/time.ts';
import type { Reader, Write } from '@sallyport/bus/ledger.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { fenceSet } from '@sallyport/contracts/facts/passports.ts';
import { serviceUpdated } from '@sallyport/contracts/facts/vault.ts';
import { target } from '@sallyport/contracts/target.ts';
import { connectionKind } from '../domain/connection.ts';
import { movedDefault, type ProviderState, providerKind, providerSubjectId, registerFact } from '../domain/provider.ts';

/** Gateways ask again about the connection, and drop its kept credential. */
export function fenceWrite(operatorId: string, connectionId: string, reason: string): Write {
  const targets = [target('connection', connectionId)];
  return {
    fence: { kind: 'connection', id: connectionId, effect: 'narrowed', targets },
    operator_id: operatorId,
    fact: draft(fenceSet, { effect: 'narrowed', targets, reason }),
  };
}

export async function readRegister(read: Reader, operatorId: string, provider: string): Promise<ProviderState> {
  return (await read.get(providerKind, operatorId, providerSubjectId(provider))).state;
}

/**
 * The register's new state, and the change of every connection but `handled` that stops or starts being the default. The reader
 * has read the register before; here it reads those connections.
 */
export async function registerWrites(
  read: Reader,
  operatorId: string,
  provider: string,
  change: { before: ProviderState; after: ProviderState; handled: string },
): Promise<Write[]> {
  const { before, after, handled } = change;
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const writes: Write[] = [
    { on: providerKind, operator_id: operatorId, id: providerSubjectId(provider), facts: [registerFact(provider, after)] },
  ];
  const moved = movedDefault(before, after);
  for (const id of moved ? [moved.from, moved.to] : []) {
    if (id === null || id === handled) continue;
    const { state } = await read.get(connectionKind, operatorId, id);
    if (state.status !== 'live') continue;
    const connection = { ...state.connection, default: id === moved?.to, updated_at: iso(read.now) };
    const fact = draft(serviceUpdated, { connection, changed: ['default'], credential_changed: false });
    writes.push({ on: connectionKind, operator_id: operatorId, id, facts: [fact] }, fenceWrite(operatorId, id, 'default'));
  }
  return writes;
}
