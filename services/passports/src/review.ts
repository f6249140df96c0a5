/** The signals of a passport run, asked of the detectors at checkout (api.md §6, §13): at most two seconds, then the review is pending. */
import { ServiceUnavailable } from '@sallyport/bus/errors.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import type { BusCall } from '@sallyport/contracts/call.ts';
import { missionSignals } from '@sallyport/contracts/operations/security-events.ts';
import type { Flag } from '@sallyport/contracts/objects/passport.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import type { Deps } from './deps.ts';
import { REVIEW_PENDING } from './domain/checkout.ts';
import type { Issued } from './domain/passport.ts';

const REVIEW_MS = 2_000;

export async function flagsOf(deps: Deps, call: BusCall, operatorId: string, issued: Issued): Promise<Flag[]> {
  if (issued.mode === 'standard') return [];
  try {
    const min_seq = await deps.ledger.streamLast();
    const question: BusCall = {
      operation: missionSignals.name,
      bearer: { kind: 'none' },
      params: {},
      query: {},
      body: { operator_id: operatorId, session_id: issued.session_id, mission_id: issued.mission_id, jti: issued.jti, min_seq },
      request_id: call.request_id,
      ...(call.traceparent !== undefined && { traceparent: call.traceparent }),
    };
    const answer = await ask(deps.bus, missionSignals, question, { timeout_ms: REVIEW_MS });
    if (answer.ok && matches(missionSignals.response, answer.reply.body)) return answer.reply.body.flags;
  } catch (error) {
    if (!(error instanceof ServiceUnavailable)) throw error;
    deps.log.warn(errorFields(error), 'the review is pending');
  }
  return [REVIEW_PENDING];
}
