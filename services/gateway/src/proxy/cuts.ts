/**
 * `cut.<operator>`: a revocation that the log could not take (api.md §11). Held until a fence of that operator's is read, or 60 s pass:
 * calls of the operator are refused and those in flight cut.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { cutSubject } from '@sallyport/bus/subjects.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import { target } from '@sallyport/contracts/target.ts';
import { targetHash } from '@sallyport/admission/hashes.ts';
import type { Feed } from '../log/feed.ts';
import type { InFlight } from './in-flight.ts';

export interface Cuts {
  isCut(operatorId: string): boolean;
  stop(): void;
}

const HELD_MS = 60_000;

export function listenForCuts(bus: Bus, feed: Feed, inFlight: InFlight): Cuts {
  const cuts = new Map<string, number>();
  const subscription = bus.nc.subscribe('cut.*', {
    callback: (error, message) => {
      if (error) return bus.log.error(errorFields(error), 'cuts are not heard');
      const operatorId = message.subject.slice('cut.'.length);
      if (!isId('operator', operatorId) || message.subject !== cutSubject(operatorId)) return;
      cuts.set(operatorId, performance.now() + HELD_MS);
      bus.log.warn({ operator_id: operatorId }, 'calls are cut until the log says why');
      inFlight.cutOperator(targetHash(target('operator', operatorId)));
    },
  });
  feed.onFence(({ effect, operator_id }) => {
    if (effect === 'revoked' && cuts.size > 0) cuts.delete(operator_id);
  });
  return {
    isCut: (operatorId) => {
      const until = cuts.get(operatorId);
      if (until === undefined) return false;
      if (until > performance.now()) return true;
      cuts.delete(operatorId);
      return false;
    },
    stop: () => subscription.unsubscribe(),
  };
}
