/**
 * The session cookie of the console and of our pages (api.md §3.1). `__Host-`: no other host can plant it; `SameSite=Strict`: no other site's request carries
 * it; and what it authenticates must come from our own pages. Pure.
 */
import { type Denial, denial } from '@sallyport/contracts/errors.ts';

const NAME = '__Host-sallyport_session';
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';
const SESSION_SECONDS = 24 * 3_600;

export function setSessionCookie(token: string): string {
  return `${NAME}=${token}; Max-Age=${SESSION_SECONDS}; ${ATTRIBUTES}`;
}

export const CLEAR_SESSION_COOKIE = `${NAME}=; Max-Age=0; ${ATTRIBUTES}`;

/** `header`: `Cookie` as it came. Two different sessions in one request are no session. */
export function sessionOfCookie(header: string | undefined): string | null {
  if (header === undefined) return null;
  const found = header
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${NAME}=`))
    .map((part) => part.slice(NAME.length + 1));
  const [token = ''] = found;
  return token !== '' && found.every((one) => one === token) ? token : null;
}

/** What changes something by the cookie's authority must say that it comes from our own origin. Browsers always send it with such requests. */
export function crossSite(origin: string | undefined, publicUrl: string): Denial | null {
  return origin === new URL(publicUrl).origin ? null : denial('FORBIDDEN', 'This request comes from another site.', { reason: 'csrf' });
}
