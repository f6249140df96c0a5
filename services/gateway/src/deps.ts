/** What the gateway's parts are given: built once in `main.ts`, in this order, and passed as an argument. */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import type { Log } from '@sallyport/service-kit/log.ts';
import type { AskOwner } from './edge/ask-owner.ts';
import type { Assertions } from './edge/assertions.ts';
import type { Limits } from './http/rate-limits.ts';
import type { Feed } from './log/feed.ts';
import type { Records } from './log/records.ts';
import type { Credentials } from './proxy/credentials.ts';
import type { Cuts } from './proxy/cuts.ts';
import type { DetectorKeys } from './proxy/detector-keys.ts';
import type { Holds } from './proxy/holds.ts';
import type { InFlight } from './proxy/in-flight.ts';
import type { Pools } from './proxy/pools.ts';
import type { Resolver } from './proxy/resolve.ts';
import type { Room } from './proxy/room.ts';
import type { Upstream } from './proxy/upstream.ts';
import type { Signals } from './signals.ts';
import type { SigningKeys } from './views/keys.ts';
import type { PassportTokens } from './views/passport-tokens.ts';
import type { Missions } from './views/missions.ts';
import type { Passports } from './views/passports.ts';
import type { Principals } from './views/principals.ts';

export interface ProxyDeps {
  boot: string;
  clock: Clock;
  feed: Feed;
  records: Records;
  lease: { held(): boolean };
  tokens: PassportTokens;
  passports: Passports;
  missions: Missions;
  principals: Principals;
  credentials: Credentials;
  detectorKeys: DetectorKeys;
  resolver: Resolver;
  pools: Pools;
  upstream: Upstream;
  room: Room;
  inFlight: InFlight;
  holds: Holds;
  cuts: Cuts;
  limits: Limits;
  signals: Signals;
}

export interface EdgeDeps {
  bus: Bus;
  clock: Clock;
  log: Log;
  feed: Feed;
  records: Records;
  principals: Principals;
  assertions: Assertions;
  askOwner: AskOwner;
  keys: SigningKeys;
  signals: Signals;
}

export type Deps = ProxyDeps & EdgeDeps;
