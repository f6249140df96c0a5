/** Passport tokens whose signature was checked, so that each is checked once. Forgotten when the set of signing keys changes. */
import type { PassportClaims } from '@sallyport/passport-verify/claims.ts';
import { type PassportVerdict, verifyPassport } from '@sallyport/passport-verify/passport.ts';
import type { SigningKeys } from './keys.ts';

export interface PassportTokens {
  /** Signature, `typ`, issuer, audience, form; not expiry, which the owner's answer decides. Throws Unanswered. */
  verify(token: string, nowSeconds: number): Promise<PassportVerdict> | PassportVerdict;
}

const MAX_KEPT = 4_096;

export function createPassportTokens(keys: SigningKeys, issuer: string): PassportTokens {
  let kept = new Map<string, { ok: true; claims: PassportClaims; kid: string }>();
  let version = keys.version();

  function check(token: string, nowSeconds: number): PassportVerdict {
    const verdict = verifyPassport(token, { keys: keys.current(), issuer, now_seconds: nowSeconds, accept_expired: true });
    if (!verdict.ok) return verdict;
    if (kept.size >= MAX_KEPT) for (const oldest of kept.keys().take(1)) kept.delete(oldest);
    kept.set(token, verdict);
    return verdict;
  }

  return {
    verify: (token, nowSeconds) => {
      const changedAt = keys.outdated();
      if (changedAt !== null) return keys.refresh(changedAt).then(() => check(token, nowSeconds));
      if (version !== keys.version()) {
        version = keys.version();
        kept = new Map();
      }
      const known = kept.get(token);
      if (known) return known;
      const verdict = check(token, nowSeconds);
      if (verdict.ok || verdict.kid === undefined) return verdict;
      // Nobody's key, as far as is known here: it may be a new one.
      return keys.refresh(performance.now()).then(() => check(token, nowSeconds));
    },
  };
}
