/** What operations of this service work with; built once in `main.ts`. */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import type { Ledger } from '@sallyport/bus/ledger.ts';
import type { Database } from '@sallyport/projections/open-pool.ts';
import type { Projection } from '@sallyport/projections/projection.ts';
import type { BootKeys } from './boot-keys.ts';
import type { VaultTables } from './db/schema.ts';
import type { SecretStore } from './db/secrets.ts';
import type { Passports } from './passports.ts';
import type { Signals } from './signals.ts';

export interface Deps {
  bus: Bus;
  clock: Clock;
  ledger: Ledger;
  database: Database<VaultTables>;
  secrets: SecretStore;
  connections: Projection;
  bootKeys: BootKeys;
  passports: Passports;
  signals: Signals;
}
