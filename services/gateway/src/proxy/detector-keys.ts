/** Each operator's key for keyed hashes (detectors.md 1.4), sealed to this gateway start; it never changes, so it is kept while the process lives. */
import type { Bus } from '@sallyport/bus/connect.ts';
import { detectorKeyContext } from '@sallyport/contracts/objects/injection.ts';
import { detectorKeyOpen } from '@sallyport/contracts/operations/services.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import { openSealed, type SealPrivateJwk } from '@sallyport/seal/sealed.ts';
import { askOwner } from '../views/ask.ts';
import { createQuestions } from '../views/questions.ts';

export interface DetectorKeys {
  kept(operatorId: string): Uint8Array | null;
  /** Null when vault does not answer. */
  open(operatorId: string, requestId: string): Promise<Uint8Array | null>;
}

const VAULT_MS = 1_000;
const MAX_KEPT = 10_000;

export function createDetectorKeys(deps: { bus: Bus; boot: string; privateKey: SealPrivateJwk }): DetectorKeys {
  const { bus, boot, privateKey } = deps;
  const kept = new Map<string, Uint8Array>();
  const questions = createQuestions<Uint8Array>(VAULT_MS);

  async function send(operatorId: string, requestId: string): Promise<Uint8Array> {
    const answer = await askOwner(bus, detectorKeyOpen, { operator_id: operatorId, boot_id: boot }, requestId, VAULT_MS);
    if (!answer.ok || !matches(detectorKeyOpen.response, answer.body)) throw new Error('detector_key.open gave no key');
    const key = await openSealed(privateKey, answer.body.sealed, detectorKeyContext(boot, operatorId));
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(operatorId, key);
    return key;
  }

  return {
    kept: (operatorId) => kept.get(operatorId) ?? null,
    open: async (operatorId, requestId) => {
      const known = kept.get(operatorId);
      if (known) return known;
      try {
        return (await questions.ask(operatorId, 0, () => send(operatorId, requestId))).value;
      } catch (error) {
        bus.log.warn({ operator_id: operatorId, error: error instanceof Error ? error.message : 'unknown' }, 'no detector key');
        return null;
      }
    },
  };
}
