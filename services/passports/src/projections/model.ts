/**
 * Read model of agents, connections, missions and passports: what lists show, and which passports a revocation meets. States evolve by the domain's own
 * functions, so a list and a by-id read say the same. Decides nothing.
 */
import type { Entry } from '@sallyport/bus/follow.ts';
import { parseSubject } from '@sallyport/bus/subjects.ts';
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { passportRevoked } from '@sallyport/contracts/facts/passports.ts';
import { serviceConnected, serviceDisconnected, serviceUpdated } from '@sallyport/contracts/facts/vault.ts';
import { eachEntry, type ProjectionOptions } from '@sallyport/projections/options.ts';
import type { Transaction } from 'kysely';
import { AGENT, evolveAgent } from '../domain/agent.ts';
import { projectMission } from './model-mission.ts';
import { endPassports, projectPassport } from './model-passport.ts';
import { projectReview } from './model-review.ts';
import type { Tables } from './tables.ts';

const KINDS = ['operator', 'agent', 'connection', 'mission', 'passport', 'session', 'review'];

export const MODEL: Pick<ProjectionOptions<Tables>, 'name' | 'filters' | 'handle' | 'reset'> = {
  name: 'model',
  filters: (partition) => KINDS.map((kind) => `ledger.${partition}.*.${kind}.*`),
  handle: eachEntry(project),
  reset: async (tx) => {
    for (const table of ['agent', 'connection', 'mission', 'passport', 'review', 'checkpoint'] as const)
      await tx.deleteFrom(table).execute();
  },
};

async function project(tx: Transaction<Tables>, entry: Entry): Promise<void> {
  const subject = parseSubject(entry.subject);
  if (subject?.type !== 'aggregate') return;
  for (const [index, fact] of entry.facts().entries()) {
    const at: Position = { seq: entry.seq, index, ts_ms: entry.ts_ms };
    switch (subject.kind) {
      case 'agent':
        await projectAgent(tx, subject.id, fact, at);
        break;
      case 'connection':
        await projectConnection(tx, subject.id, fact);
        break;
      case 'mission':
        await projectMission(tx, subject.id, fact, at);
        break;
      case 'passport':
        await projectPassport(tx, subject.id, fact, at);
        break;
      case 'review':
        await projectReview(tx, subject.id, fact, at);
        break;
      default:
        break;
    }
    const revoked = dataOf(passportRevoked, fact);
    if (revoked) await endPassports(tx, subject.operator_id, { ...revoked, id: subject.id }, at);
  }
}

async function projectAgent(tx: Transaction<Tables>, id: string, fact: Fact, at: Position): Promise<void> {
  const row = await tx.selectFrom('agent').select('state').where('agent_id', '=', id).executeTakeFirst();
  const state = evolveAgent(row?.state ?? AGENT.initial(), fact, at);
  if (!state.agent) return;
  const { name, status, operator_id } = state.agent;
  const values = { name, status, state: JSON.stringify(state) };
  await tx
    .insertInto('agent')
    .values({ agent_id: id, operator_id, ...values })
    .onConflict((conflict) => conflict.column('agent_id').doUpdateSet(values))
    .execute();
}

async function projectConnection(tx: Transaction<Tables>, id: string, fact: Fact): Promise<void> {
  if (dataOf(serviceDisconnected, fact)) {
    await tx.deleteFrom('connection').where('connection_id', '=', id).execute();
    return;
  }
  const made = dataOf(serviceConnected, fact) ?? dataOf(serviceUpdated, fact);
  if (!made) return;
  const object = JSON.stringify(made.connection);
  await tx
    .insertInto('connection')
    .values({ connection_id: id, operator_id: fact.operator_id, object })
    .onConflict((conflict) => conflict.column('connection_id').doUpdateSet({ object }))
    .execute();
}
