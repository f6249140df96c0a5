/** Cookies of the pages: read strictly, and where to go on after signing in. The session's own cookie is written where sessions are. Pure. */

/** Browsers take `__Host-` from https, and from this machine by plain http too. */
const NEXT_COOKIE = '__Host-sallyport_next';
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Strict';
const NEXT_SECONDS = 900;

/** Null where the name is missing or there twice: then somebody else put one there. */
export function cookieOf(header: string | undefined, name: string): string | null {
  const values = (header ?? '')
    .split(';')
    .map((one) => one.trim())
    .filter((one) => one.startsWith(`${name}=`))
    .map((one) => one.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && value !== undefined && value !== '' ? value : null;
}

export function readNext(header: string | undefined): string | null {
  const value = cookieOf(header, NEXT_COOKIE);
  return value === null || !/^[\w-]+$/.test(value) ? null : Buffer.from(value, 'base64url').toString('utf8');
}

export function keepNext(path: string): string {
  return `${NEXT_COOKIE}=${Buffer.from(path).toString('base64url')}; Max-Age=${NEXT_SECONDS}; ${ATTRIBUTES}`;
}

export function forgetNext(): string {
  return `${NEXT_COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;
}
