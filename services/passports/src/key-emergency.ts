/**
 * The emergency (api.md §6.2): in one batch another key signs, the old one counts for nothing, and every operator's passports end. A passport that is issued after
 * it is signed by the new key and lives.
 */
import type { FenceAcks } from '@sallyport/bus/fences.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { type Denial, notFound } from '@sallyport/contracts/errors.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { type KeysetPurpose, signingKeyRevoked } from '@sallyport/contracts/facts/keys.ts';
import type { Deps } from './deps.ts';
import { activeKey, emergencyOf, KEYSET } from './domain/keyset.ts';
import { addedKey, HOST, keysetChanged, onKeyset } from './key-rotation.ts';
import { announceRevoked, operatorIds, revokedNews, tellingOf } from './telling-keys.ts';

export interface RevokedKey {
  already: boolean;
  active: string;
  operators: number;
  revoked_count: number;
}

/** Two messages for each operator, of the 500 that a batch holds; the consumer of the set's facts tells those that are left. */
const AT_ONCE = 200;

export async function revokeKey(
  deps: Deps,
  purpose: KeysetPurpose,
  kid: string,
  reason: string,
): Promise<{ ok: true; value: RevokedKey; seq: number; acks?: FenceAcks } | { ok: false; denial: Denial }> {
  const [{ state }, ids] = await Promise.all([deps.ledger.load(KEYSET, PLATFORM, purpose), operatorIds(deps)]);
  const expected = emergencyOf(state, kid);
  // Made before the decision, which must have no effects; thrown away where it was not needed after all.
  const fresh = expected && !expected.already && expected.needs_key ? await deps.store.make(purpose) : null;
  let told: { id: string; count: number }[] = [];
  const decided = await deps.ledger.decide<RevokedKey>({ operator_id: PLATFORM, actor: HOST }, async (read) => {
    told = [];
    const { state: now } = await read.get(KEYSET, PLATFORM, purpose);
    const found = emergencyOf(now, kid);
    if (!found) return { deny: notFound('Key', kid) };
    if (found.already) return { write: [], value: { already: true, active: activeKey(now)?.kid ?? '', operators: 0, revoked_count: 0 } };
    const active = found.replaced_by ?? fresh?.kid;
    if (active === undefined) throw new Error('the set changed while a key was made');
    const facts: DraftFact[] = found.needs_key && fresh ? [addedKey(purpose, fresh, 'active', read.now)] : [];
    facts.push(draft(signingKeyRevoked, { purpose, kid, replaced_by: active, reason, at_ms: read.now }));
    const write = [onKeyset(purpose, facts), keysetChanged(purpose, 'key revoked')];
    const news = { ...revokedNews(purpose, kid, active, reason), ...(!found.signed && { reason: null }) };
    for (const id of ids.slice(0, AT_ONCE)) {
      const telling = await tellingOf(deps, read, id, news, Number.POSITIVE_INFINITY, HOST);
      if (!telling) continue;
      write.push(...telling.write);
      told.push({ id, count: telling.revoked_count });
    }
    const revoked_count = told.reduce((sum, { count }) => sum + count, 0);
    return { write, value: { already: false, active, operators: told.length, revoked_count } };
  });
  if (fresh && !(decided.ok && decided.value.active === fresh.kid)) await deps.store.forget(fresh.kid);
  if (!decided.ok) return decided;
  await deps.store.forget(kid);
  if (!decided.value.already)
    for (const { id, count } of told) announceRevoked(deps, id, revokedNews(purpose, kid, decided.value.active, reason), count);
  return decided;
}
