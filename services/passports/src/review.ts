/** The signals of a passport run, asked of the detectors at its end (api.md §6, §13): at most two seconds, then the review is pending. */
import { ServiceUnavailable } from '@sallyport/bus/errors.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import type { BusCall } from '@sallyport/contracts/call.ts';
import { missionSignals } from '@sallyport/contracts/operations/security-events.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import type { Deps } from './deps.ts';
import { REVIEW_PENDING } from './domain/checkout.ts';
import type { Issued } from './domain/passport.ts';
import { type Findings, NO_FINDINGS } from './domain/review.ts';

const REVIEW_MS = 2_000;

type Asking = Pick<BusCall, 'request_id' | 'traceparent'>;

export async function findingsOf(deps: Deps, { request_id, traceparent }: Asking, operatorId: string, issued: Issued): Promise<Findings> {
  if (issued.mode === 'standard') return NO_FINDINGS;
  try {
    const min_seq = await deps.ledger.streamLast();
    const question: BusCall = {
      operation: missionSignals.name,
      bearer: { kind: 'none' },
      params: {},
      query: {},
      body: { operator_id: operatorId, session_id: issued.session_id, mission_id: issued.mission_id, jti: issued.jti, min_seq },
      request_id,
      ...(traceparent !== undefined && { traceparent }),
    };
    const answer = await ask(deps.bus, missionSignals, question, { timeout_ms: REVIEW_MS });
    if (answer.ok && matches(missionSignals.response, answer.reply.body)) {
      const { flags, event_ids, flag_details = [] } = answer.reply.body;
      return { flags, event_ids, flag_details };
    }
  } catch (error) {
    if (!(error instanceof ServiceUnavailable)) throw error;
    deps.log.warn(errorFields(error), 'the review is pending');
  }
  return { ...NO_FINDINGS, flags: [REVIEW_PENDING] };
}

export function isPending({ flags }: Pick<Findings, 'flags'>): boolean {
  return flags.some(({ type }) => type === REVIEW_PENDING.type);
}
