/**
 * Passports that hold a disconnected connection die (api.md §12). Idempotent, so that vault's question and the consumer of its fact may both do it; one batch takes
 * at most a hundred passports.
 */
import type { Decision, Scope } from '@sallyport/bus/ledger.ts';
import type { Write } from '@sallyport/bus/compose.ts';
import type { Deps } from './deps.ts';
import { livePassports } from './projections/live-passports.ts';
import { revokeSingle } from './revoking.ts';
import { withoutAck } from './writes.ts';

/** `complete`: all of them were known. */
export interface Revoked {
  revoked: number;
  complete: boolean;
}

export const DISCONNECTED = 'Service disconnected';
/** Up to four messages each (the passport, its implicit mission, a fence for both), of the 500 that a batch holds. */
const PER_BATCH = 100;

export async function revokeHolders(deps: Deps, scope: Scope, connectionId: string): Promise<Revoked> {
  const { own, complete } = await livePassports(deps, scope.operator_id, { connection_id: connectionId });
  return { revoked: await revokeEach(deps, scope, own, DISCONNECTED), complete };
}

/** How many were alive. Those that are dead already are left alone. */
export async function revokeEach(deps: Deps, scope: Scope, jtis: readonly string[], reason: string): Promise<number> {
  const { operator_id } = scope;
  let revoked = 0;
  for (let start = 0; start < jtis.length; start += PER_BATCH) {
    const part = jtis.slice(start, start + PER_BATCH);
    const decided = await deps.ledger.decide<number>(scope, async (read): Promise<Decision<number>> => {
      const write: Write[] = [];
      let count = 0;
      for (const jti of part) {
        const one = await revokeSingle(deps, read, { operator_id, jti, reason, by: null, as: null });
        if ('deny' in one || one.value.already_revoked) continue;
        // Nobody waits for these: what they rest on is gone at every gateway already.
        write.push(...withoutAck(one.write));
        count++;
      }
      return { write, value: count };
    });
    if (decided.ok) revoked += decided.value;
  }
  return revoked;
}
