/**
 * Who calls, once authenticated, and the letters of api.md §3.2. Pure; the owner of an operation asks `mayCall`.
 */
export const ROLES = ['readonly', 'standard', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];

export type CredentialKind = 'operator_key' | 'member_key' | 'session' | 'access_token' | 'agent_jwt' | 'ticket';

export interface Principal {
  type: 'operator' | 'member' | 'agent';
  id: string;
  operator_id: string;
  role: Role | null;
  credential: CredentialKind;
  /** `scon_` ids or provider slugs; null = all. */
  allowed_connections: string[] | null;
  /** OAuth scopes; null = not limited by scope. */
  scopes: string[] | null;
  /** Hash of the caller's key, or the member: the target that a removal of the key names. */
  target: string;
}

export type Letter = 'W' | 'O' | 'A' | 'S' | 'R' | 'G' | 'H' | '-';

/** Does this credential have the letter? A letter includes those above it (api.md §3.2). */
export function hasLetter(who: Principal, letter: Letter): boolean {
  if (letter === '-') return true;
  if (letter === 'G') return who.type === 'agent';
  if (who.type === 'agent') return false;
  const rank = who.role === null ? -1 : ROLES.indexOf(who.role);
  switch (letter) {
    case 'W':
      return who.credential === 'operator_key' || (who.credential !== 'member_key' && who.role === 'owner');
    case 'O':
      return who.credential === 'operator_key' || (who.credential !== 'member_key' && rank >= 2);
    case 'A':
      return who.credential === 'operator_key' || rank >= 2;
    case 'S':
      return who.credential === 'operator_key' || rank >= 1;
    case 'R':
      return who.credential === 'operator_key' || rank >= 0;
    case 'H':
      return who.credential === 'session' || (who.credential === 'access_token' && (who.scopes ?? []).includes('approvals:decide'));
  }
}

export function mayCall(who: Principal, letters: readonly Letter[]): boolean {
  return letters.some((letter) => hasLetter(who, letter));
}
