/**
 * The JOSE header of our tokens: what it may not say.
 *
 * The key is chosen by the verifier alone. A header that brings its own key, points to one, or demands extensions is refused outright
 * (RFC 8725 §3.1, §3.10), and so is every algorithm but the one that we sign with.
 */
import type { JsonRecord } from './token.ts';

const REFUSED_MEMBERS: readonly string[] = ['jwk', 'jku', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'crit', 'b64'];

export function headerIsSafe(header: JsonRecord): boolean {
  return header['alg'] === 'EdDSA' && !REFUSED_MEMBERS.some((member) => Object.hasOwn(header, member));
}
