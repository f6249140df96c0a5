/** Connections to upstreams, kept alive per origin and set of checked addresses. A pool connects to those addresses and no others. */
import type { LookupFunction } from 'node:net';
import { Pool } from 'undici';
import type { Address } from './resolve.ts';

export interface Pools {
  /** `origin`: scheme, host and port to dial. */
  get(origin: string, addresses: readonly Address[]): Pool;
  close(): Promise<void>;
}

const CONNECT_MS = 5_000;
const IDLE_MS = 60_000;
const SWEEP_MS = 15_000;
const MAX_CONNECTIONS = 256;
const MAX_HEADER_BYTES = 64 * 1024;

interface Kept {
  pool: Pool;
  used_at: number;
}

export function createPools(): Pools {
  const pools = new Map<string, Kept>();

  const timer = setInterval(() => {
    const before = performance.now() - IDLE_MS;
    for (const [key, { pool, used_at }] of pools) {
      if (used_at > before || pool.stats.running + pool.stats.pending > 0) continue;
      pools.delete(key);
      pool.close().catch(() => undefined);
    }
  }, SWEEP_MS);
  timer.unref();

  return {
    get: (origin, addresses) => {
      const key = `${origin} ${
        addresses.length === 1
          ? addresses[0]?.address
          : addresses
              .map((one) => one.address)
              .toSorted()
              .join(' ')
      }`;
      const known = pools.get(key);
      if (known) {
        known.used_at = performance.now();
        return known.pool;
      }
      const pool = new Pool(origin, {
        connections: MAX_CONNECTIONS,
        pipelining: 1,
        allowH2: false,
        maxHeaderSize: MAX_HEADER_BYTES,
        // One deadline over the whole call is kept elsewhere; these would cost a timer per call.
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: { timeout: CONNECT_MS, lookup: pinned(addresses) },
      });
      pools.set(key, { pool, used_at: performance.now() });
      return pool;
    },
    close: async () => {
      clearInterval(timer);
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy().catch(() => undefined)));
    },
  };
}

function pinned(addresses: readonly Address[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses;
    if (options.all) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family ?? 4);
  };
}
