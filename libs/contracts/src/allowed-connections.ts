/** A member's `allowed_connections` bind every credential of the member (api.md §3.2): connections by id, or all of a provider by its slug. Pure. */
import { type Denial, denial } from './errors.ts';
import type { Principal } from './principal.ts';

/** `id` absent: a connection that is to be made. */
export function mayTouch(
  { allowed_connections: allowed }: Pick<Principal, 'allowed_connections'>,
  connection: { id?: string; provider: string },
): boolean {
  return allowed === null || allowed.includes(connection.provider) || (connection.id !== undefined && allowed.includes(connection.id));
}

export function connectionNotAllowed(): Denial {
  return denial('FORBIDDEN', 'This connection is outside of those that you may use.', { reason: 'connection_not_allowed' });
}
