/**
 * Streams and buckets. Only the administrator's user may run `setUpStreams`; it is idempotent and runs again after every start of
 * NATS, because the leases live in memory. Services call `waitForStreams`.
 */
import { ApiRefusal, api, LEDGER, pause, streamInfo } from './api.ts';
import type { Bus } from './connect.ts';

export const TIMERS = 'TIMERS';
export const LEASES = 'KV_leases';
export const LEASE_LAPSE_MS = 15_000;
const ADMIN_TIMEOUT_MS = 10_000;
const DEDUPE_WINDOW_MS = 120_000;

const nanos = (ms: number): number => ms * 1_000_000;
const STREAM_NOT_FOUND = 10059;

function configurations(replicas: number): { name: string; [setting: string]: unknown }[] {
  const unlimited = { max_msgs: -1, max_bytes: -1, max_msg_size: -1, max_consumers: -1 };
  return [
    {
      ...unlimited,
      name: LEDGER,
      subjects: ['ledger.>'],
      storage: 'file',
      retention: 'limits',
      discard: 'new',
      max_age: 0,
      max_msgs_per_subject: -1,
      duplicate_window: nanos(DEDUPE_WINDOW_MS),
      deny_delete: true,
      deny_purge: true,
      allow_direct: false,
      allow_atomic: true,
      num_replicas: replicas,
    },
    {
      // One message per subject: publishing again moves a timer, and an unhandled `due` is replaced by its successor.
      ...unlimited,
      name: TIMERS,
      subjects: ['timers.>', 'due.>'],
      storage: 'file',
      retention: 'workqueue',
      discard: 'old',
      max_age: 0,
      max_msgs_per_subject: 1,
      duplicate_window: nanos(DEDUPE_WINDOW_MS),
      allow_rollup_hdrs: true,
      allow_direct: false,
      allow_msg_schedules: true,
      num_replicas: replicas,
    },
    {
      ...unlimited,
      name: LEASES,
      subjects: ['$KV.leases.>'],
      storage: 'memory',
      retention: 'limits',
      discard: 'new',
      max_age: nanos(LEASE_LAPSE_MS),
      max_msgs_per_subject: 1,
      duplicate_window: nanos(LEASE_LAPSE_MS),
      deny_delete: true,
      allow_rollup_hdrs: true,
      allow_direct: false,
      num_replicas: replicas,
    },
  ];
}

/** Makes or updates LEDGER, TIMERS and the bucket `leases`. */
export async function setUpStreams(bus: Bus, { replicas = 1 }: { replicas?: number } = {}): Promise<void> {
  for (const config of configurations(replicas)) {
    const exists = await streamExists(bus, config.name);
    await api(bus, `STREAM.${exists ? 'UPDATE' : 'CREATE'}.${config.name}`, config, ADMIN_TIMEOUT_MS);
  }
}

async function streamExists(bus: Bus, name: string): Promise<boolean> {
  try {
    await api(bus, `STREAM.INFO.${name}`, undefined, ADMIN_TIMEOUT_MS);
    return true;
  } catch (error) {
    if (error instanceof ApiRefusal && error.error.err_code === STREAM_NOT_FOUND) return false;
    throw error;
  }
}

/** Resolves when the ledger and the leases answer; rejects after the timeout. Services are allowed to ask about these two. */
export async function waitForStreams(bus: Bus, timeoutMs: number = 60_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      await streamInfo(bus, LEDGER);
      await streamInfo(bus, LEASES);
      return;
    } catch (error) {
      if (performance.now() > end) throw new Error('the streams do not exist: has the administrator step run?', { cause: error });
    }
    await pause(200);
  }
}
