/** Use of a dead passport at this service, told to the detectors (detectors.md 1.4). Best effort: the refusal stands without it. */
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import type { Scope } from '@sallyport/bus/ledger.ts';
import type { Denial } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { passportUseRefused } from '@sallyport/contracts/facts/passports.ts';
import type { Deps } from './deps.ts';
import { PASSPORT } from './domain/passport.ts';
import { readPassport } from './reading.ts';

export async function recordRefusedUse(deps: Deps, scope: Scope, jti: string, operation: string, refusal: Denial): Promise<void> {
  if (refusal.code !== 'PASSPORT_REVOKED' && refusal.code !== 'PASSPORT_EXPIRED') return;
  const told = refusal.metadata?.['reason'];
  const reason = typeof told === 'string' ? told.slice(0, 200) : '';
  const { idempotency: _used, ...plain } = scope;
  try {
    await deps.ledger.decide<null>(plain, async (read) => {
      const passport = await readPassport(read.get, scope.operator_id, jti);
      if (!passport) return { write: [], value: null };
      const { agent_id, session_id, mission_id } = passport.issued;
      const fact = draft(passportUseRefused, { operation, reason }, { agent_id, session_id, mission_id, jti });
      return { write: [{ on: PASSPORT, operator_id: scope.operator_id, id: jti, facts: [fact] }], value: null };
    });
  } catch (error) {
    if (!(error instanceof LedgerUnavailable)) throw error;
  }
}
