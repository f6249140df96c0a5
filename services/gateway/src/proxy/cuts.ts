/**
 * `cut.<operator>`: a revocation that the log could not take (api.md §11). Held until the fence of that revocation is read, or 60 s pass:
 * calls of the operator are refused and those in flight cut. The whole operator, because what descends from the target is not known here.
 */
import { onCut } from '@sallyport/bus/announce.ts';
import type { Bus } from '@sallyport/bus/connect.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import { type Target, target } from '@sallyport/contracts/target.ts';
import type { Hash } from '@sallyport/admission/entry.ts';
import { targetHash } from '@sallyport/admission/hashes.ts';
import type { Feed } from '../log/feed.ts';
import type { InFlight } from './in-flight.ts';

export interface Cuts {
  isCut(operatorId: string): boolean;
  stop(): void;
}

interface Held {
  until: number;
  /** A revocation of any of these is the one that is waited for. */
  targets: readonly Hash[];
}

const HELD_MS = 60_000;
/** Of one operator. More are held together, until the time is over. */
const MAX_HELD = 100;

export function listenForCuts(
  bus: Bus,
  feed: Pick<Feed, 'onFence'>,
  inFlight: Pick<InFlight, 'cutOperator'>,
  heldMs: number = HELD_MS,
): Cuts {
  const cuts = new Map<string, Held[]>();

  function hold(operatorId: string, targets: readonly Target[]): void {
    const now = performance.now();
    const held = (cuts.get(operatorId) ?? []).filter(({ until }) => until > now);
    if (held.length >= MAX_HELD) held.splice(0, MAX_HELD, { until: now + heldMs, targets: [] });
    held.push({ until: now + heldMs, targets: targets.map(targetHash) });
    cuts.set(operatorId, held);
  }

  const listening = onCut(bus, ({ operator_id, targets }) => {
    if (!isId('operator', operator_id)) return;
    hold(operator_id, targets);
    bus.log.warn({ operator_id }, 'calls are cut until the log says why');
    inFlight.cutOperator(targetHash(target('operator', operator_id)));
  });
  feed.onFence(({ effect, operator_id, targets }) => {
    const held = effect === 'revoked' ? cuts.get(operator_id) : undefined;
    if (!held) return;
    const waiting = held.filter((one) => !one.targets.some((hash) => targets.includes(hash)));
    if (waiting.length > 0) cuts.set(operator_id, waiting);
    else cuts.delete(operator_id);
  });
  return {
    isCut: (operatorId) => {
      const held = cuts.get(operatorId);
      if (!held) return false;
      const now = performance.now();
      if (held.some(({ until }) => until > now)) return true;
      cuts.delete(operatorId);
      return false;
    },
    stop: listening.stop,
  };
}
