/**
 * Which live passports a revocation meets, for its counts. From the read model, brought up to the last passport of the log; where that cannot be had in time the
 * numbers are those at hand, because a revocation never waits for its own statistics.
 */
import { errorFields } from '@sallyport/bus/log.ts';
import type { Deps } from '../deps.ts';
import { contains, expiryOfPassport, overlaps } from './contains.ts';
import { lastOfKind } from '../reading.ts';

const CATCH_UP_MS = 250;
/** All of it: a database that does not answer must not hold up a kill switch. */
const COUNT_MS = 400;
const MAX_LISTED = 500;

export interface Met {
  /** Live passports of the target itself. */
  own: string[];
  /** Live passports that descend from them and are not the target's own. */
  descendants: string[];
  /** The read model had everything. */
  complete: boolean;
}

export type By =
  | { agent_id: string }
  | { session_id: string }
  | { mission_id: string }
  | { operator_id: string }
  | { connection_id: string };

export async function livePassports(deps: Deps, operatorId: string, by: By): Promise<Met> {
  const late = Promise.withResolvers<Met>();
  const timer = setTimeout(() => late.resolve(NOTHING_KNOWN), COUNT_MS);
  try {
    return await Promise.race([count(deps, operatorId, by), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const NOTHING_KNOWN: Met = { own: [], descendants: [], complete: false };

async function count(deps: Deps, operatorId: string, by: By): Promise<Met> {
  try {
    const complete = await deps.model.waitFor(operatorId, await lastOfKind(deps, operatorId, 'passport'), CATCH_UP_MS);
    const now = deps.clock.now();
    const rows = await rowsOf(deps, operatorId, by, now);
    const own = rows.map(({ jti }) => jti);
    const roots = rows.map(({ line }) => line);
    const below = roots.length > 0 && !('operator_id' in by || 'session_id' in by) ? await descendantsOf(deps, operatorId, roots, now) : [];
    return { own, descendants: below.filter((jti) => !own.includes(jti)), complete };
  } catch (error) {
    deps.log.warn(errorFields(error), 'a revocation could not be counted');
    return NOTHING_KNOWN;
  }
}

async function rowsOf({ database }: Deps, operatorId: string, by: By, now: number): Promise<{ jti: string; line: string }[]> {
  let rows = database.db
    .selectFrom('passport')
    .select(['jti', 'line'])
    .where('operator_id', '=', operatorId)
    .where('status', '=', 'active')
    .where(expiryOfPassport, '>', now);
  if ('agent_id' in by) rows = rows.where('agent_id', '=', by.agent_id);
  if ('session_id' in by) rows = rows.where('session_id', '=', by.session_id);
  if ('mission_id' in by) rows = rows.where('mission_id', '=', by.mission_id);
  if ('connection_id' in by) rows = rows.where(contains('connections', by.connection_id));
  return rows.execute();
}

async function descendantsOf({ database }: Deps, operatorId: string, roots: string[], now: number): Promise<string[]> {
  const rows = await database.db
    .selectFrom('passport')
    .select('jti')
    .where('operator_id', '=', operatorId)
    .where('status', '=', 'active')
    .where(expiryOfPassport, '>', now)
    .where(overlaps('parents', roots))
    .limit(MAX_LISTED)
    .execute();
  return rows.map(({ jti }) => jti);
}
