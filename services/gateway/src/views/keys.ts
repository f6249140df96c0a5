/**
 * Public keys that passports are signed with: asked at start (until there is an answer), every minute, when a token names one that is not known, and when the log
 * says that the set has changed: then no signature is believed before the answer is there.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { ResponseOf } from '@sallyport/contracts/operation.ts';
import { jwks } from '@sallyport/contracts/operations/passports.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import type { Ed25519Jwk } from '@sallyport/passport-verify/keys.ts';
import { target } from '@sallyport/contracts/target.ts';
import { targetHash } from '@sallyport/admission/hashes.ts';
import type { Feed } from '../log/feed.ts';
import { askOwner, VIEW_MS } from './ask.ts';
import { createQuestions } from './questions.ts';

export interface SigningKeys {
  current(): ReadonlyMap<string, Ed25519Jwk>;
  /** Changes whenever a key was added or removed. */
  version(): number;
  /** The set was changed in the log since it was asked for (`performance.now()` of the news): ask before believing a signature. Null: it was not. */
  outdated(): number | null;
  /** Throws Unanswered. */
  refresh(since: number): Promise<void>;
  stop(): void;
}

const EVERY_MS = 60_000;
const UNKNOWN_EVERY_MS = 250;
const THIS_SET = targetHash(target('keyset', 'passport'));

export function createSigningKeys(bus: Bus, feed: Pick<Feed, 'onFence'>): SigningKeys {
  let keys: ReadonlyMap<string, Ed25519Jwk> = new Map();
  let version = 0;
  let outdated: number | null = null;
  const questions = createQuestions<ResponseOf<typeof jwks>>(VIEW_MS);

  async function send(): Promise<ResponseOf<typeof jwks>> {
    const answer = await askOwner(bus, jwks, {}, '');
    if (!answer.ok || !matches(jwks.response, answer.body)) throw new Error('passports.jwks gave no keys');
    return answer.body;
  }

  async function refresh(since: number): Promise<void> {
    const { value, sent_at } = await questions.ask('keys', since, send);
    if (outdated !== null && sent_at >= outdated) outdated = null;
    const next = new Map<string, Ed25519Jwk>();
    for (const { kty, crv, x, kid } of value.keys) if (kty === 'OKP' && crv === 'Ed25519') next.set(kid, { kty, crv, x });
    const same = next.size === keys.size && [...next].every(([kid, key]) => keys.get(kid)?.x === key.x);
    if (same) return;
    keys = next;
    version++;
  }

  feed.onFence(({ targets }) => {
    if (!targets.includes(THIS_SET)) return;
    outdated = performance.now();
    // What goes wrong here is met again by the next call, which waits for the answer.
    void refresh(outdated).catch(() => undefined);
  });

  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  function askAgain(): void {
    if (stopped) return;
    const later = (): void => void refresh(0).then(askAgain, askAgain);
    // Without a key the gateway is not ready: `passports` may be starting at the same time.
    timer = setTimeout(later, keys.size === 0 ? UNKNOWN_EVERY_MS : EVERY_MS);
    timer.unref();
  }
  askAgain();
  const stop = (): void => {
    stopped = true;
    clearTimeout(timer);
  };
  return { current: () => keys, version: () => version, outdated: () => outdated, refresh, stop };
}
