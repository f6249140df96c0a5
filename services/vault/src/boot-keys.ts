/**
 * The public key of a gateway's start, from the first message of that boot in the ledger, which only gateways can write. What is sealed to it
 * can be read by that process alone, and by nobody once it ended.
 */
import { parseFacts, readLedger } from '@sallyport/bus/api.ts';
import type { Bus } from '@sallyport/bus/connect.ts';
import { dataOf } from '@sallyport/contracts/fact.ts';
import { gatewayStarted } from '@sallyport/contracts/facts/calls.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { SealPublicJwk } from '@sallyport/seal/sealed.ts';

export interface BootKeys {
  /** null for a boot that the ledger does not know. */
  of(bootId: string): Promise<SealPublicJwk | null>;
}

const MAX_KEPT = 1_000;

export function createBootKeys(bus: Bus): BootKeys {
  const kept = new Map<string, SealPublicJwk>();
  return {
    of: async (bootId) => {
      const known = kept.get(bootId);
      if (known || !isId('boot', bootId)) return known ?? null;
      const first = await readLedger(bus, { next_by_subj: `ledger.*.calls.${bootId}`, seq: 1 });
      const key = first ? keyIn(parseFacts(first.data), bootId) : null;
      if (key) kept.set(bootId, key);
      for (const oldest of kept.size > MAX_KEPT ? kept.keys().take(1) : []) kept.delete(oldest);
      return key;
    },
  };
}

function keyIn(facts: ReturnType<typeof parseFacts>, bootId: string): SealPublicJwk | null {
  const started = facts.map((fact) => dataOf(gatewayStarted, fact)).find((data) => data?.boot_id === bootId);
  const { kty, crv, x } = started?.seal_key ?? {};
  return kty === 'OKP' && crv === 'X25519' && x !== undefined ? { kty, crv, x } : null;
}
