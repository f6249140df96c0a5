/**
 * What follows from a revocation: a fact per further passport (it explains, the revocation itself decided), and the end of implicit missions and of a deleted
 * agent's missions; and what follows from other ends (`consequences.ts`). Idempotent: each write looks at what is already there.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Entry } from '@sallyport/bus/follow.ts';
import { draft, dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { agentDeleted } from '@sallyport/contracts/facts/identity.ts';
import { passportRevokeCascaded, passportRevoked } from '@sallyport/contracts/facts/passports.ts';
import { serviceDisconnected } from '@sallyport/contracts/facts/vault.ts';
import type { Deps } from '../deps.ts';
import { MISSION } from '../domain/mission.ts';
import { PASSPORT } from '../domain/passport.ts';
import { revokeHolders } from '../holders.ts';
import { depthOfPassport } from '../projections/contains.ts';
import { readPassport } from '../reading.ts';
import { implicitRevocation } from '../revoking.ts';
import { consequences, endOne } from './consequences.ts';
import { scopeAfter } from './consumer.ts';

export const CASCADE_KINDS = ['operator', 'agent', 'session', 'mission', 'passport', 'connection'] as const;

const WAIT_MS = 2_000;
/** Three messages each at most, of the 500 that a batch holds. */
const PER_BATCH = 150;
const SERVICE = 'passports';

export function cascade(deps: Deps): (entry: Entry) => Promise<void> {
  return async (entry) => {
    for (const fact of entry.facts()) {
      const revoked = dataOf(passportRevoked, fact);
      if (revoked) await explain(deps, entry.seq, fact, revoked.target, revoked.reason);
      await consequences(deps, fact);
      if (dataOf(agentDeleted, fact)) await endMissionsOf(deps, entry.seq, fact);
      const gone = dataOf(serviceDisconnected, fact);
      if (!gone) continue;
      const { complete } = await revokeHolders(deps, scopeAfter(fact, 'vault'), gone.connection_id);
      if (!complete) throw new Error('not all holders are known yet');
    }
  };
}

async function caughtUp(deps: Deps, operatorId: string, seq: number): Promise<void> {
  if (!(await deps.model.waitFor(operatorId, seq, WAIT_MS))) throw new Error('the read model is behind');
}

async function explain(deps: Deps, seq: number, fact: Fact, root: string, reason: string): Promise<void> {
  const { operator_id } = fact;
  await caughtUp(deps, operator_id, seq);
  const rows = await deps.database.db
    .selectFrom('passport')
    .select(['jti', 'mission_id'])
    .where('ended_seq', '=', seq)
    .where('operator_id', '=', operator_id)
    .where('jti', '!=', root)
    .orderBy(depthOfPassport)
    .orderBy('jti')
    .execute();
  for (let start = 0; start < rows.length; start += PER_BATCH) {
    const part = rows.slice(start, start + PER_BATCH);
    await deps.ledger.decide<null>(scopeAfter(fact, SERVICE), async (read) => {
      const writes = await Promise.all(
        part.map(async ({ jti, mission_id }): Promise<Write[]> => {
          const [passport, mission] = await Promise.all([
            readPassport(read.get, operator_id, jti),
            read.get(MISSION, operator_id, mission_id),
          ]);
          if (!passport || passport.cascaded || passport.revoked) return [];
          const { agent_id, session_id } = passport.issued;
          const whose = { jti, agent_id, session_id, mission_id };
          const explained = draft(passportRevokeCascaded, { jti, root, reason }, whose);
          return [
            { on: PASSPORT, operator_id, id: jti, facts: [explained] },
            ...implicitRevocation(mission.state, [jti], reason, 'revoked_clean', read.now),
          ];
        }),
      );
      return { write: writes.flat(), value: null };
    });
  }
}

/** A deleted agent has no open mission (api.md §5.1). */
async function endMissionsOf(deps: Deps, seq: number, fact: Fact): Promise<void> {
  const { operator_id, agent_id } = fact;
  if (agent_id === undefined) return;
  await caughtUp(deps, operator_id, seq);
  const rows = await deps.database.db
    .selectFrom('mission')
    .select('mission_id')
    .where('agent_id', '=', agent_id)
    .where('status', '=', 'open')
    .execute();
  const ending = { as: 'revoked', terminal_state: 'revoked_clean', reason: 'Agent deleted', notes: null } as const;
  for (const { mission_id } of rows) await endOne(deps, fact, mission_id, ending);
}
