/**
 * Which live passports a revocation meets, for its counts. From the read model, brought up to the last passport of the log; where that cannot be had in time the
 * numbers are those at hand, because a revocation never waits for its own statistics.
 */
import { errorFields } from '@sallyport/bus/log.ts';
import type { Deps } from '../deps.ts';
import { contains, overlaps } from './contains.ts';
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
  | { jti: string }
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
    if ('jti' in by) {
      const [own, below] = await Promise.all([jtisOf(deps, operatorId, by, now), descendantsOf(deps, operatorId, [by.jti], now)]);
      return { own, descendants: below.filter((jti) => !own.includes(jti)), complete };
    }
    const own = await jtisOf(deps, operatorId, by, now);
    const roots = own;
    const below = roots.length > 0 && !('operator_id' in by) ? await descendantsOf(deps, operatorId, roots, now) : [];
    return { own, descendants: below.filter((jti) => !own.includes(jti)), complete };
  } catch (error) {
    deps.log.warn(errorFields(error), 'a revocation could not be counted');
    return NOTHING_KNOWN;
  }
}

async function jtisOf({ database }: Deps, operatorId: string, by: By, now: number): Promise<string[]> {
  let rows = database.db
    .selectFrom('passport')
    .select('jti')
    .where('operator_id', '=', operatorId)
    .where('status', '=', 'active')
    .where('expires_ms', '>', now);
  if ('jti' in by) rows = rows.where('jti', '=', by.jti);
  if ('agent_id' in by) rows = rows.where('agent_id', '=', by.agent_id);
  if ('session_id' in by) rows = rows.where('session_id', '=', by.session_id);
  if ('mission_id' in by) rows = rows.where('mission_id', '=', by.mission_id);
  if ('connection_id' in by) rows = rows.where(contains('connections', by.connection_id));
  return (await rows.execute()).map(({ jti }) => jti);
}

async function descendantsOf({ database }: Deps, operatorId: string, roots: string[], now: number): Promise<string[]> {
  const rows = await database.db
    .selectFrom('passport')
    .select('jti')
    .where('operator_id', '=', operatorId)
    .where('status', '=', 'active')
    .where('expires_ms', '>', now)
    .where(overlaps('parents', roots))
    .limit(MAX_LISTED)
    .execute();
  return rows.map(({ jti }) => jti);
}
