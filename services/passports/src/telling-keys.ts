/**
 * What a change of the signing keys means for each operator (api.md §6.2): a row in its audit chain, and after an emergency the end of all its passports. Idempotent:
 * an operator keeps what it was told, so that a consumer may repeat what the host's command did, or finish it after a crash.
 */
import { LEDGER, streamInfo } from '@sallyport/bus/api.ts';
import type { Write } from '@sallyport/bus/compose.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { parseSubject } from '@sallyport/bus/subjects.ts';
import { type Actor, dataOf, draft, type DraftFact, type Fact } from '@sallyport/contracts/fact.ts';
import { type KeysetPurpose, keyRevoked, keyRotated, signingKeyPromoted, signingKeyRevoked } from '@sallyport/contracts/facts/keys.ts';
import { target } from '@sallyport/contracts/target.ts';
import type { Deps } from './deps.ts';
import { OPERATOR } from './domain/operator.ts';
import { livePassports } from './projections/live-passports.ts';
import { announce } from './propagation.ts';
import { fence, revokedDraft } from './writes.ts';

export interface KeyNews {
  fact: DraftFact;
  /** Also in what an operator remembers. */
  name: string;
  /** Of the revocation that comes with it; null: none. */
  reason: string | null;
}

export function revokedNews(purpose: KeysetPurpose, kid: string, replaced_by: string, reason: string): KeyNews {
  const fact = draft(keyRevoked, { purpose, kid, replaced_by, reason });
  const revokes = purpose === 'passport' ? `Signing key revoked: ${reason}`.slice(0, 500) : null;
  return { fact, name: `${fact.type} ${kid}`, reason: revokes };
}

function newsOf(change: Fact): KeyNews | null {
  const promoted = dataOf(signingKeyPromoted, change);
  if (promoted) {
    const { purpose, kid, retired } = promoted;
    const fact = draft(keyRotated, { purpose, kid, retired });
    return { fact, name: `${fact.type} ${kid}`, reason: null };
  }
  const revoked = dataOf(signingKeyRevoked, change);
  return revoked && revokedNews(revoked.purpose, revoked.kid, revoked.replaced_by, revoked.reason);
}

export interface Telling {
  write: Write[];
  /** Live passports that go. */
  revoked_count: number;
}

/** The writes that tell one operator; null: there is none, it knows, or it was made at or after `seq`. */
export async function tellingOf(deps: Deps, read: Reader, id: string, news: KeyNews, seq: number, by: Actor): Promise<Telling | null> {
  const { state } = await read.get(OPERATOR, id, id);
  if (!state.exists || state.made_seq >= seq || state.key_news.includes(news.name)) return null;
  if (news.reason === null) return { write: [{ on: OPERATOR, operator_id: id, id, facts: [news.fact] }], revoked_count: 0 };
  const { own } = await livePassports(deps, id, { operator_id: id });
  const what = {
    kind: 'bulk_operator',
    target: id,
    reason: news.reason,
    cascaded: [],
    count: own.length,
    by: `${by.type}:${by.id}`,
  } as const;
  return {
    write: [
      { on: OPERATOR, operator_id: id, id, facts: [news.fact, revokedDraft({ ...what, cascaded: [] }, {})] },
      fence(id, 'operator', id, 'revoked', [target('operator', id)], news.reason, true),
    ],
    revoked_count: own.length,
  };
}

export function announceRevoked(deps: Deps, id: string, { reason }: KeyNews, revoked_count: number): void {
  if (reason === null) return;
  const event = { type: 'bulk_operator', operator_id: id, reason, at: deps.clock.now(), revoked_count };
  announce(deps, id, event, revoked_count);
}

/** Tells every operator that does not know yet of the change that stands at `seq`. */
export async function tellOperators(deps: Deps, change: Fact, seq: number): Promise<void> {
  const news = newsOf(change);
  if (!news) return;
  const { actor } = change;
  for (const id of await operatorIds(deps)) {
    const decided = await deps.ledger.decide<number | null>({ operator_id: id, actor }, async (read) => {
      const telling = await tellingOf(deps, read, id, news, seq, actor);
      return telling ? { write: telling.write, value: telling.revoked_count } : { write: [], value: null };
    });
    if (!decided.ok) continue;
    decided.acks?.stop();
    if (decided.value !== null) announceRevoked(deps, id, news, decided.value);
  }
}

/** Every operator of the platform, from the names of their records at the log's leader. */
export async function operatorIds({ bus }: Pick<Deps, 'bus'>): Promise<string[]> {
  const { state } = await streamInfo(bus, LEDGER, 'ledger.*.*.operator.*');
  return Object.keys(state.subjects ?? {}).flatMap((name) => {
    const subject = parseSubject(name);
    return subject?.type === 'aggregate' ? [subject.id] : [];
  });
}
