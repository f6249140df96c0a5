/** OAuth scopes (api.md §3.6): which exist, and which a token with them opens. A scope never widens a role. Pure. */
export const SCOPES = [
  'agents:read',
  'agents:write',
  'passports:read',
  'passports:write',
  'services:read',
  'services:connect',
  'credentials:read',
  'proxy:read',
  'proxy:write',
  'audit:read',
  'approvals:decide',
  'mcp',
  'api',
] as const;
export type Scope = (typeof SCOPES)[number];

/** Opens everything but what must be asked for by name. */
export const EVERYTHING = 'api';
const NOT_IN_EVERYTHING: readonly string[] = ['approvals:decide', 'mcp'];

/** Needed by an operation that any token may call, whatever its scopes. */
export const ANY_SCOPE = 'any';

/** The known scopes of a space-separated list, in the order of the table, each once. Unknown ones are left out, not refused. */
export function knownScopes(text: string): Scope[] {
  const wanted = new Set(text.split(/\s+/));
  return SCOPES.filter((scope) => wanted.has(scope));
}

/** `needed`: of the operation. */
export function scopeOpens(scopes: readonly string[], needed: string): boolean {
  if (needed === ANY_SCOPE || scopes.includes(needed)) return true;
  return scopes.includes(EVERYTHING) && !NOT_IN_EVERYTHING.includes(needed);
}
