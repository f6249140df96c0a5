/** A consumer with a cursor that is not a read model: what it does is idempotent, and it never passes a fact that it could not handle for lack of the log. */
import type { Entry } from '@sallyport/bus/follow.ts';
import type { Scope } from '@sallyport/bus/ledger.ts';
import { createProjection, type Projection } from '@sallyport/projections/projection.ts';
import type { ProjectionMetrics } from '@sallyport/projections/options.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import type { Deps } from '../deps.ts';

/** Half an hour of trying, at the pace of the projections; then the fact is a dead letter with an alert. */
const TRIES = 1_000;

export interface ConsumerOptions {
  name: string;
  /** Kinds of aggregates. */
  kinds: readonly string[];
  handle: (entry: Entry) => Promise<void>;
}

export type ConsumerDeps = Pick<Deps, 'database' | 'bus' | 'log'> & { instance: string; metrics: ProjectionMetrics };

export function createConsumer(deps: ConsumerDeps, { name, kinds, handle }: ConsumerOptions): Projection {
  return createProjection({
    name,
    database: deps.database,
    bus: deps.bus,
    holder: deps.instance,
    filters: (partition) => kinds.map((kind) => `ledger.${partition}.*.${kind}.*`),
    act: async (entries) => {
      for (const entry of entries) await handle(entry);
    },
    handle: async () => undefined,
    reset: async () => undefined,
    tries: TRIES,
    log: deps.log,
    metrics: deps.metrics,
  });
}

/** For facts that follow from another one. */
export function scopeAfter(cause: Fact, by: string): Scope {
  const { operator_id, id, traceparent } = cause;
  return { operator_id, actor: { type: 'service', id: by }, causation_id: id, ...(traceparent !== undefined && { traceparent }) };
}
