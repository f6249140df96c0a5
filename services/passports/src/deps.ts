/** What operations and consumers work with; built once by `main.ts`. */
import type { Clock } from '@sallyport/bus/clock.ts';
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Ledger } from '@sallyport/bus/ledger.ts';
import type { Timers } from '@sallyport/bus/timers.ts';
import type { Database } from '@sallyport/projections/open-pool.ts';
import type { Projection } from '@sallyport/projections/projection.ts';
import type { Log } from '@sallyport/service-kit/log.ts';
import type { ApiKeys } from './api-keys.ts';
import type { BootstrapToken } from './bootstrap-token.ts';
import type { Outputs } from './outputs.ts';
import type { Tables } from './projections/tables.ts';
import type { Signer } from './signing.ts';
import type { SigningKeyStore } from './signing-key-store.ts';
import type { Signals } from './signals.ts';
import type { SignIn } from './sign-in/open.ts';

export interface Deps {
  bus: Bus;
  ledger: Ledger;
  clock: Clock;
  timers: Timers;
  database: Database<Tables>;
  /** Agents, connections, missions, passports. */
  model: Projection;
  /** The team. */
  members: Projection;
  /** What calls did. */
  usage: Projection;
  /** Of passports. */
  signer: Signer;
  /** Private parts of signing keys. */
  store: SigningKeyStore;
  keys: ApiKeys;
  signIn: SignIn;
  bootstrap: BootstrapToken;
  outputs: Outputs;
  issuer: string;
  public_url: string;
  signals: Signals;
  log: Log;
}
