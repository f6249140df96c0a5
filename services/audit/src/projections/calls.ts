/**
 * Read model `calls`: operations, consumed approvals and counts of missions, and open attempts, by the same rules as at every gateway (architecture, "The
 * log decides"). Gateways ask it about missions that are older than their window, so a message that cannot be read stops its partition: what it says may
 * not have a hole.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { ProjectionOptions } from '@sallyport/projections/options.ts';
import { applyCalls } from './calls-batch.ts';
import { callFilters, createReplay } from '../calls/replay.ts';
import type { AuditTables } from '../db/schema.ts';

export const CALLS = 'calls';

type CallsProjection = Pick<
  ProjectionOptions<AuditTables>,
  'name' | 'filters' | 'handle' | 'reset' | 'stop_on_poison' | 'headers_only' | 'on_hold'
>;

/** One for each process: it remembers what rules 0 to 2 need. */
export function callsProjection(bus: Bus): CallsProjection {
  const replay = createReplay(bus);
  return {
    name: CALLS,
    filters: callFilters,
    stop_on_poison: true,
    headers_only: true,
    on_hold: replay.hold,
    handle: async (tx, entries) => {
      // Entries come again until they are committed; only then others follow.
      replay.settled((entries[0]?.seq ?? 0) - 1);
      const steps = entries.flatMap(replay.steps);
      if (steps.length > 0) await applyCalls(tx, steps);
    },
    reset: async (tx) => {
      for (const table of ['operations', 'approvals', 'counts', 'attempts'] as const) await tx.deleteFrom(table).execute();
    },
  };
}
