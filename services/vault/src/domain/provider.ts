/**
 * Which connections an operator has of one provider, and which of them its slug means: exactly one while there is any (api.md §8.1, §12).
 * Pure. The register stands on a `unique` subject of its own, so two connects at once cannot both become the default.
 */
import { createHash } from 'node:crypto';
import { dataOf, type DraftFact, draft, type Fact } from '@sallyport/contracts/fact.ts';
import { providerRegistered } from '@sallyport/contracts/facts/vault.ts';

export type ProviderState = { connections: readonly string[]; default_connection_id: string | null };

export const providerKind = {
  kind: 'unique',
  initial: (): ProviderState => ({ connections: [], default_connection_id: null }),
  evolve: (state: ProviderState, fact: Fact): ProviderState => dataOf(providerRegistered, fact) ?? state,
};

/** The last part of the register's subject. */
export function providerSubjectId(provider: string): string {
  return createHash('sha256')
    .update(JSON.stringify(['vault.provider', provider]))
    .digest('base64url');
}

/** The first is the default; a later one becomes it when asked to. */
export function withConnection(state: ProviderState, connectionId: string, wanted: boolean): ProviderState {
  const becomes = wanted || state.default_connection_id === null;
  return {
    connections: [...state.connections.filter((id) => id !== connectionId), connectionId],
    default_connection_id: becomes ? connectionId : state.default_connection_id,
  };
}

/** When the default goes, the oldest of the rest takes its place. */
export function withoutConnection(state: ProviderState, connectionId: string): ProviderState {
  const connections = state.connections.filter((id) => id !== connectionId);
  const stays = state.default_connection_id !== connectionId;
  return { connections, default_connection_id: stays ? state.default_connection_id : (connections[0] ?? null) };
}

export function withDefault(state: ProviderState, connectionId: string): ProviderState {
  return { ...state, default_connection_id: connectionId };
}

/** The connection that stops and the one that starts being the default. */
export function movedDefault(before: ProviderState, after: ProviderState): { from: string | null; to: string | null } | null {
  if (before.default_connection_id === after.default_connection_id) return null;
  return { from: before.default_connection_id, to: after.default_connection_id };
}

export function registerFact(provider: string, state: ProviderState): DraftFact {
  return draft(providerRegistered, { provider, connections: [...state.connections], default_connection_id: state.default_connection_id });
}
