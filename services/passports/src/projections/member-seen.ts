/** When a member's credential was last used, to the minute (api.md §17, `last_seen_at`). Not from the ledger: shown, decides nothing, and stays through a rebuild. */
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';

const MAX_KNOWN = 50_000;
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
