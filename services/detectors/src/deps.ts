/** What operations of this service work with; built once in `main.ts`. */
import type { Clock } from '@sallyport/bus/clock.ts';
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Ledger } from '@sallyport/bus/ledger.ts';
import type { Database } from '@sallyport/projections/open-pool.ts';
import type { Projection } from '@sallyport/projections/projection.ts';
import type { DetectorTables } from './db/schema.ts';

export interface Deps {
  bus: Bus;
  clock: Clock;
  ledger: Ledger;
  database: Database<DetectorTables>;
  events: Projection;
}
