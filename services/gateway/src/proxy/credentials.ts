/**
 * Credentials in clear, in memory only, at most 60 s each (api.md §12.1). Vault decides whether this passport may have one and seals it to the
 * key of this gateway start. Dropped at once when the connection, or a grant that used it, is narrowed or revoked.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Denial } from '@sallyport/contracts/errors.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import { credentialContext, Injection } from '@sallyport/contracts/objects/injection.ts';
import { credentialOpen } from '@sallyport/contracts/operations/services.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import type { Hash } from '@sallyport/admission/entry.ts';
import { openSealed, type SealPrivateJwk } from '@sallyport/seal/sealed.ts';
import type { Feed } from '../log/feed.ts';
import { askOwner } from '../views/ask.ts';
import { createQuestions, Unanswered } from '../views/questions.ts';
import { createScrubber, type Scrubber } from './scrub.ts';

export interface Credential {
  ref: string;
  injection: Injection;
  scrub: Scrubber;
}

export type Opened = { ok: true; credential: Credential } | { ok: false; denial: Denial };

export interface Wanted {
  ref: string;
  connection_id: string;
  passport_token: string;
  /** Hashes of connection and grant. */
  targets: readonly [connection: Hash, grant: Hash];
  request_id: string;
}

export interface Credentials {
  kept(ref: string, targets: readonly Hash[]): Credential | null;
  open(wanted: Wanted): Promise<Opened>;
  stop(): void;
}

interface Kept {
  credential: Credential;
  until: number;
  targets: Set<Hash>;
}

const KEPT_MS = 60_000;
const SWEEP_MS = 5_000;
const VAULT_MS = 2_000;

export function createCredentials(deps: { bus: Bus; feed: Feed; boot: string; privateKey: SealPrivateJwk }): Credentials {
  const { bus, feed, boot, privateKey } = deps;
  const kept = new Map<string, Kept>();
  const questions = createQuestions<Opened>(VAULT_MS);

  feed.onFence(({ targets }) => {
    for (const [ref, one] of kept) if (targets.some((target) => one.targets.has(target))) kept.delete(ref);
  });
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [ref, one] of kept) if (one.until <= now) kept.delete(ref);
  }, SWEEP_MS);
  timer.unref();

  async function send({ ref, connection_id, passport_token, targets, request_id }: Wanted): Promise<Opened> {
    const min_seq = feed.lastFence();
    const body = { passport_token, connection_id, boot_id: boot, min_seq };
    const answer = await askOwner(bus, credentialOpen, body, request_id, VAULT_MS);
    if (!answer.ok) return { ok: false, denial: answer.denial };
    if (!matches(credentialOpen.response, answer.body)) return unavailable();
    const plain = await openSealed(privateKey, answer.body.sealed, credentialContext(boot, connection_id));
    const injection: unknown = JSON.parse(Buffer.from(plain).toString('utf8'));
    if (!matches(Injection, injection)) return unavailable();
    const credential = { ref: answer.body.credential_ref, injection, scrub: createScrubber(injection.secrets) };
    // What was changed while vault answered is not kept: its fence has gone by.
    const changed = feed.admission.lastFence('narrowed', targets) > min_seq;
    if (credential.ref === ref && !changed) kept.set(ref, { credential, until: performance.now() + KEPT_MS, targets: new Set(targets) });
    return { ok: true, credential };
  }

  return {
    kept: (ref, targets) => {
      const known = kept.get(ref);
      if (!known || known.until <= performance.now()) return null;
      for (const target of targets) known.targets.add(target);
      return known.credential;
    },
    open: async (wanted) => {
      // Vault answers for a passport: another's question is not ours to share.
      try {
        return (await questions.ask(`${wanted.ref} ${wanted.passport_token}`, 0, () => send(wanted))).value;
      } catch (error) {
        if (error instanceof Unanswered) return unavailable();
        throw error;
      }
    },
    stop: () => {
      clearInterval(timer);
      kept.clear();
    },
  };
}

function unavailable(): Opened {
  return { ok: false, denial: denial('CREDENTIAL_UNAVAILABLE', 'The credential could not be had.') };
}
