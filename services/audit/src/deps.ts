/** What operations of this service work with; built once in `main.ts`. */
import type { Database } from '@sallyport/projections/open-pool.ts';
import type { Projection } from '@sallyport/projections/projection.ts';
import type { AuditTables } from './db/schema.ts';

export interface Deps {
  database: Database<AuditTables>;
  rows: Projection;
  calls: Projection;
}
