/** Members of calls: found by id, read at the leader, and what they are as callers. */
import { readLedger } from '@sallyport/bus/api.ts';
import { parseSubject } from '@sallyport/bus/subjects.ts';
import { type Denial, notFound } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { CredentialKind, Principal } from '@sallyport/contracts/principal.ts';
import { target } from '@sallyport/contracts/target.ts';
import { sql } from 'kysely';
import type { Deps } from './deps.ts';
import { isActive, MEMBER, type MemberState } from './domain/member.ts';
import type { Read } from './reading.ts';

const MAX_KNOWN = 50_000;
/** Member → operator; a member never changes hands. */
const operators = new Map<string, string>();

/** For calls that bring nothing but a member's id. Null: no such member. */
export async function operatorOfMember(deps: Pick<Deps, 'bus'>, memberId: string): Promise<string | null> {
  if (!isId('member', memberId)) return null;
  const known = operators.get(memberId);
  if (known !== undefined) return known;
  const last = await readLedger(deps.bus, { last_by_subj: `ledger.*.*.member.${memberId}` });
  const subject = last && parseSubject(last.subject);
  if (subject?.type !== 'aggregate') return null;
  operators.set(memberId, subject.operator_id);
  for (const oldest of operators.size > MAX_KNOWN ? operators.keys().take(1) : []) operators.delete(oldest);
  return subject.operator_id;
}

/** The member unless it was removed. */
export async function readMember(read: Read, operatorId: string, id: string): Promise<MemberState | null> {
  if (!isId('member', id)) return null;
  const { state } = await read(MEMBER, operatorId, id);
  return state.exists && state.status !== 'removed' ? state : null;
}

export function noMember(id: string): Denial {
  return notFound('Member', id);
}

/** An active member as a caller; null for one that may not act. `scopes`: null where the credential has none. */
export function memberPrincipal(
  member: MemberState,
  credential: Extract<CredentialKind, 'member_key' | 'session' | 'access_token' | 'ticket'>,
  scopes: string[] | null,
): Principal | null {
  if (!isActive(member)) return null;
  const { id, operator_id, role, allowed_connections } = member;
  return { type: 'member', id, operator_id, role, credential, allowed_connections, scopes, target: target('member', id) };
}

const SEEN_EVERY_MS = 60_000;
const seen = new Map<string, number>();

/** Notes that the member has used a credential, once a minute. What it notes is shown and decides nothing, so nobody waits for it. */
export function noteSeen({ database, clock }: Pick<Deps, 'database' | 'clock'>, memberId: string): void {
  const now = clock.now();
  if (now - (seen.get(memberId) ?? 0) < SEEN_EVERY_MS) return;
  seen.set(memberId, now);
  for (const oldest of seen.size > MAX_KNOWN ? seen.keys().take(1) : []) seen.delete(oldest);
  void database.db
    .insertInto('member_seen')
    .values({ member_id: memberId, last_seen_ms: now })
    .onConflict((conflict) =>
      conflict.column('member_id').doUpdateSet({ last_seen_ms: sql`greatest(member_seen.last_seen_ms, excluded.last_seen_ms)` }),
    )
    .execute()
    .catch(() => seen.delete(memberId));
}

/** Unix ms, or null for never. */
export async function lastSeen({ database }: Pick<Deps, 'database'>, memberId: string): Promise<number | null> {
  const row = await database.db.selectFrom('member_seen').select('last_seen_ms').where('member_id', '=', memberId).executeTakeFirst();
  return row?.last_seen_ms ?? null;
}
