/**
 * The running gateway: what belongs to one boot, made together and dropped together. When the lease lapses, everything that rests on it is thrown away
 * and made anew under another boot id; meanwhile calls are refused.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import { PLATFORM, partitionOf } from '@sallyport/bus/subjects.ts';
import { bootHash } from '@sallyport/admission/hashes.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import type { Log } from '@sallyport/service-kit/log.ts';
import { startBoot } from './boot.ts';
import type { Deps } from './deps.ts';
import { createAskOwner } from './edge/ask-owner.ts';
import { createAssertions } from './edge/assertions.ts';
import type { Limits } from './http/rate-limits.ts';
import { createCredentials } from './proxy/credentials.ts';
import { listenForCuts } from './proxy/cuts.ts';
import { createDetectorKeys } from './proxy/detector-keys.ts';
import { createHolds } from './proxy/holds.ts';
import { createInFlight } from './proxy/in-flight.ts';
import { createPools } from './proxy/pools.ts';
import { createResolver } from './proxy/resolve.ts';
import { createRoom } from './proxy/room.ts';
import { createUpstream } from './proxy/upstream.ts';
import type { Signals } from './signals.ts';
import { startSweeper } from './sweeper.ts';
import { createSigningKeys } from './views/keys.ts';
import { createPassportTokens } from './views/passport-tokens.ts';
import { createMissions } from './views/missions.ts';
import { createPassports } from './views/passports.ts';
import { createPrincipals } from './views/principals.ts';

export interface GatewayOptions {
  bus: Bus;
  clock: Clock;
  log: Log;
  signals: Signals;
  limits: Limits;
  instance: string;
  /** `iss` of passports. */
  issuer: string;
}

export interface Gateway {
  running(): Deps | null;
  /** Throws LedgerUnavailable between two boots. */
  current(): Deps;
  stop(): Promise<void>;
}

interface Running {
  deps: Deps;
  lapsed(): boolean;
  stop(): Promise<void>;
}

const WATCH_MS = 250;
const RETRY_MS = 1_000;

/** Resolves when the first boot stands; tries until then. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { log } = options;
  let running: Running | null = null;
  let stopped = false;
  let starting: Promise<void> | null = null;

  async function start(): Promise<void> {
    while (!stopped) {
      try {
        running = await run(options);
        return;
      } catch (error) {
        log.warn(errorFields(error), 'the gateway could not start');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async function restart(old: Running): Promise<void> {
    running = null;
    log.warn({ boot_id: old.deps.boot }, 'the lease lapsed: starting anew');
    await old.stop().catch((error: unknown) => log.warn(errorFields(error), 'the old boot could not be stopped'));
    await start();
  }

  starting = start();
  await starting;
  const watch = setInterval(() => {
    if (stopped || !running?.lapsed()) return;
    starting = restart(running);
  }, WATCH_MS);

  return {
    running: () => running?.deps ?? null,
    current: () => {
      if (!running) throw new LedgerUnavailable('between two boots');
      return running.deps;
    },
    stop: async () => {
      stopped = true;
      clearInterval(watch);
      await starting;
      await running?.stop();
      running = null;
    },
  };
}

async function run(options: GatewayOptions): Promise<Running> {
  const { bus, clock, log, signals, limits } = options;
  const boot = await startBoot(options);
  const { feed, records, lease } = boot;
  const keys = createSigningKeys(bus, feed);
  const passports = createPassports(bus, feed);
  const principals = createPrincipals(bus, feed);
  const room = createRoom();
  const inFlight = createInFlight(feed);
  const credentials = createCredentials({ bus, feed, boot: boot.id, privateKey: boot.privateKey });
  const cuts = listenForCuts(bus, feed, inFlight);
  const pools = createPools();
  const sweeper = startSweeper({ bus, clock, log, boot });
  // Passports may start later than the gateway; until there are keys `/readyz` says so.
  await keys.refresh(performance.now()).catch(() => undefined);
  const deps: Deps = {
    boot: boot.id,
    bus,
    clock,
    log,
    feed,
    records,
    lease,
    keys,
    tokens: createPassportTokens(keys, options.issuer),
    passports,
    missions: createMissions(bus, feed),
    principals,
    credentials,
    detectorKeys: createDetectorKeys({ bus, boot: boot.id, privateKey: boot.privateKey }),
    resolver: createResolver(),
    pools,
    upstream: createUpstream(room),
    room,
    inFlight,
    holds: createHolds(feed, () => clock.now()),
    cuts,
    limits,
    signals,
    assertions: createAssertions({ clock, records, principals }),
    askOwner: createAskOwner(bus),
  };
  return {
    deps,
    // A boot that was called dead goes on under no circumstances: the log refuses its records.
    lapsed: () => lease.lapsed() || feed.admission.bootClosed(bootHash(boot.id), partitionOf(PLATFORM)),
    stop: async () => {
      keys.stop();
      credentials.stop();
      cuts.stop();
      inFlight.stop();
      await sweeper.stop();
      await pools.close();
      await boot.stop();
    },
  };
}
