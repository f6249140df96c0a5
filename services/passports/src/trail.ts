/** Audit rows of a mission or of passports, asked of their owner. This service says who may see them. */
import { ServiceUnavailable } from '@sallyport/bus/errors.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import type { BusCall } from '@sallyport/contracts/call.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { BodyOf } from '@sallyport/contracts/operation.ts';
import { auditTrail } from '@sallyport/contracts/operations/audit.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import type { Static } from 'typebox';
import type { Deps } from './deps.ts';

export type Trail = Static<typeof auditTrail.response>;

const ASK_MS = 4_000;

export async function readTrail(
  deps: Deps,
  call: Pick<BusCall, 'request_id' | 'traceparent'>,
  body: BodyOf<typeof auditTrail>,
): Promise<{ ok: true; trail: Trail } | { ok: false; denial: Denial }> {
  const question: BusCall = {
    operation: auditTrail.name,
    bearer: { kind: 'none' },
    params: {},
    query: {},
    body,
    request_id: call.request_id,
    ...(call.traceparent !== undefined && { traceparent: call.traceparent }),
  };
  try {
    const answer = await ask(deps.bus, auditTrail, question, { timeout_ms: ASK_MS });
    if (!answer.ok) return answer;
    if (!matches(auditTrail.response, answer.reply.body)) throw new Error('audit.trail answered in another shape');
    return { ok: true, trail: answer.reply.body };
  } catch (error) {
    if (!(error instanceof ServiceUnavailable)) throw error;
    deps.log.warn(errorFields(error), 'the audit rows cannot be had');
    return { ok: false, denial: { ...denial('AUDIT_UNAVAILABLE', 'The audit rows cannot be read now.'), retry_after: 1 } };
  }
}
