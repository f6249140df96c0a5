/** What the revocations of many passports have in common (api.md §11). */
import type { Decided } from '@sallyport/bus/ledger.ts';
import type { BusAnswer } from '@sallyport/contracts/call.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { Deps } from './deps.ts';
import type { Revocation } from './domain/revocation.ts';
import type { Met } from './projections/live-passports.ts';
import { announce, NO_PROPAGATION, propagation } from './propagation.ts';

export interface Bulk {
  reason: string;
  at: number;
  revoked_count: number;
  cascaded_count: number;
  already_revoked: boolean;
}

/** In doubt it is written: a revocation too many is harmless, one too few is not. */
export function nothingLeft(met: Met, last: Revocation): boolean {
  return met.complete && met.own.length === 0 && met.descendants.length === 0 && last.seq > 0;
}

export async function bulkAnswer(
  deps: Deps,
  operation: Operation,
  operatorId: string,
  decided: Decided<Bulk>,
  whose: { type: string } & Record<string, string>,
): Promise<BusAnswer> {
  if (!decided.ok) return answerOf(operation, decided, (value) => value);
  const { already_revoked, cascaded_count, ...counted } = decided.value;
  const event = { ...whose, operator_id: operatorId, ...counted, ...(whose.type === 'bulk_agent' && { cascaded_count }) };
  const reached = already_revoked ? NO_PROPAGATION : await propagation(deps, decided);
  if (!already_revoked) announce(deps, operatorId, event, counted.revoked_count);
  return answerOf(operation, decided, () => ({ ...event, revoked: true, already_revoked, propagation: reached }));
}
