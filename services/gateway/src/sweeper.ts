/**
 * Closes what lost gateways left open (api.md §8.6): the gateway that holds SWEEP waits 75 s from its own first look before it calls a boot without a
 * lease dead, writes `boot.closed`, and then closes that boot's open attempts by the verdict that `admit` gave them. Writing twice harms nothing: the
 * first closing in the log counts.
 *
 * Knows the boots whose entries stand in this gateway's window.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import { readLedger, parseFacts } from '@sallyport/bus/api.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import { createLease, liveHolders } from '@sallyport/bus/leases.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { bootClosed, callAttempted, callCompleted, callDenied } from '@sallyport/contracts/facts/calls.ts';
import type { OpenAttempt } from '@sallyport/admission/admit.ts';
import { bootHash } from '@sallyport/admission/hashes.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Log } from '@sallyport/service-kit/log.ts';
import type { Boot } from './boot.ts';

const LOOK_MS = 5_000;
/** The lease (15 s) and then 60 s. */
const DEAD_AFTER_MS = 75_000;
const PREFIX = 'gateway.boot';

export interface Sweeper {
  stop(): Promise<void>;
}

export function startSweeper(deps: { bus: Bus; clock: Clock; log: Log; boot: Boot; look_ms?: number; dead_after_ms?: number }): Sweeper {
  const { bus, clock, log, boot, look_ms = LOOK_MS, dead_after_ms = DEAD_AFTER_MS } = deps;
  const lease = createLease(bus, { key: 'gateway.sweep', holder: boot.id });
  const missingSince = new Map<string, number>();
  let looking: Promise<void> | null = null;

  async function look(): Promise<void> {
    if (!lease.held() || !boot.lease.held() || !boot.feed.fresh()) {
      missingSince.clear();
      return;
    }
    const live = new Set((await liveHolders(bus, PREFIX)).map(({ key }) => key.slice(PREFIX.length + 1)));
    const now = performance.now();
    for (const id of boot.feed.boots().keys()) {
      if (id === boot.id || live.has(id)) missingSince.delete(id);
      else if (!missingSince.has(id)) missingSince.set(id, now);
    }
    for (const [id, since] of missingSince) if (now - since >= dead_after_ms) await sweep(id);
  }

  async function sweep(id: string): Promise<void> {
    const hash = bootHash(id);
    const { admission } = boot.feed;
    // Only after the closing of the boot was read is the list of its open attempts complete.
    if (!admission.bootClosed(hash)) {
      const fact = { ...stamp(PLATFORM), type: bootClosed.type, v: bootClosed.v, data: { boot_id: id } };
      await boot.records.write(fact, { kind: 'boot_closed', boot: hash }, { keep_trying: false });
      return;
    }
    for (const attempt of admission.open(hash)) await close(attempt);
  }

  async function close(attempt: OpenAttempt): Promise<void> {
    const message = await readLedger(bus, { seq: attempt.seq });
    const opened = message ? parseFacts(message.data)[attempt.index] : undefined;
    const made = opened && closing(opened, attempt);
    if (!made) return log.error({ seq: attempt.seq }, 'an open attempt cannot be read');
    const { admitted } = attempt.verdict;
    const entry = { kind: 'closing', attempt: attempt.id, sent: admitted, outcome: admitted ? 'unknown' : 'denied' } as const;
    await boot.records.write(made, entry, { keep_trying: false });
    log.warn({ outcome: entry.outcome, seq: attempt.seq }, 'a call of a lost gateway was closed');
  }

  function closing(opened: Fact, attempt: OpenAttempt): Fact | null {
    const data = dataOf(callAttempted, opened);
    if (!data) return null;
    const { operator_id, agent_id, session_id, mission_id, jti } = opened;
    const whose = Object.fromEntries(Object.entries({ agent_id, session_id, mission_id, jti }).filter(([, value]) => value !== undefined));
    const base = { ...stamp(operator_id), ...whose, causation_id: opened.id };
    const { boot_id: _boot, ...call } = data;
    if (!attempt.verdict.admitted) {
      const refused = {
        attempt_id: opened.id,
        code: attempt.verdict.reason === 'revoked' || attempt.verdict.reason === 'ended' ? 'PASSPORT_REVOKED' : 'AUDIT_UNAVAILABLE',
        reason: attempt.verdict.reason,
        message: 'The log refused the call, and its gateway was lost before it said so.',
        gate_reason: null,
        changed: [],
        failed: null,
        intent_services: [],
        granted_providers: [],
        held: false,
      };
      return { ...base, type: callDenied.type, v: callDenied.v, data: { ...call, ...refused } };
    }
    const { call_id, service, connection_id, method, host, path, override, call_digest, approval_id, operation_id, feat } = call;
    const ended = {
      call_id,
      attempt_id: opened.id,
      service,
      connection_id,
      method,
      host,
      path,
      ...(override !== undefined && { override }),
      call_digest,
      approval_id,
      operation_id,
      outcome: 'unknown',
      sent: true,
      status: null,
      upstream: 'unknown',
      error_code: 'GATEWAY_LOST',
      resp_bytes: 0,
      dur_ms: 0,
      over_caps: [],
      feat,
    };
    return { ...base, type: callCompleted.type, v: callCompleted.v, data: ended };
  }

  function stamp(operatorId: string): Pick<Fact, 'id' | 'at' | 'operator_id' | 'actor'> {
    const at = clock.now();
    return { id: newId('event', at), at, operator_id: operatorId, actor: { type: 'service', id: 'gateway' } };
  }

  const timer = setInterval(() => {
    looking ??= look()
      .catch((error: unknown) => log.warn(errorFields(error), 'the sweep failed'))
      .finally(() => {
        looking = null;
      });
  }, look_ms);
  timer.unref();

  return {
    stop: async () => {
      clearInterval(timer);
      await looking;
      await lease.stop();
    },
  };
}
