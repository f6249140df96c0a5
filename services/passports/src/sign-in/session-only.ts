/** What only a signed-in person does in a browser: not a key, and not the tool of a person either. */
import type { BusCall } from '@sallyport/contracts/call.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import type { PersonToken } from '@sallyport/passport-verify/person-token.ts';
import type { Deps } from '../deps.ts';
import { readPersonToken } from './resolve-token.ts';

export function sessionOnly({ credential }: Principal): Denial | null {
  if (credential === 'session') return null;
  return denial('UNAUTHORIZED', 'This takes a session.', { reason: 'wrong_credential_kind' });
}

/** The token by which an authenticated call came, null for keys and agents. */
export async function personTokenOf(deps: Pick<Deps, 'clock' | 'signIn' | 'public_url'>, { bearer }: BusCall): Promise<PersonToken | null> {
  if (bearer.kind !== 'jwt') return null;
  const verdict = await readPersonToken(deps, bearer.token);
  return verdict.ok ? verdict.token : null;
}
