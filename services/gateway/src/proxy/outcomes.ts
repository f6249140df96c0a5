/** What becomes of an upstream's outcome: the answer to the caller, and what the closing record says (api.md §8.5, §8.8). Pure. */
import type { Static } from 'typebox';
import type { Outcome as EntryOutcome } from '@sallyport/admission/entry.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { callCompleted } from '@sallyport/contracts/facts/calls.ts';
import { responseHeaders } from './headers.ts';
import { decodeBody, type EnvelopeBody, envelopeBody } from './response.ts';
import type { Scrubber } from './scrub.ts';
import type { Outcome } from './upstream.ts';

type Completed = Static<typeof callCompleted.data>;

export interface Closing {
  sent: boolean;
  /** In the entry: `unknown` where the upstream may have acted. */
  entry: EntryOutcome;
  fact: Pick<Completed, 'outcome' | 'sent' | 'status' | 'upstream' | 'error_code' | 'resp_bytes'>;
}

export type Answer = { ok: true; status: number; headers: Record<string, string>; body: EnvelopeBody } | { ok: false; denial: Denial };

export interface Ended {
  closing: Closing;
  answer: Answer;
}

export function endOf(outcome: Outcome, scrub: Scrubber, attemptEntryId: string): Ended {
  switch (outcome.kind) {
    case 'answer':
      return answered(outcome, scrub, attemptEntryId);
    case 'too_large':
      return failed(
        { sent: true, entry: 'failure', upstream: 'ok', code: 'RESPONSE_TOO_LARGE', message: 'The response has more than 10 MB.' },
        attemptEntryId,
      );
    case 'timeout': {
      const { sent } = outcome;
      const message = 'No complete answer within 30 seconds.';
      return failed({ sent, entry: sent ? 'unknown' : 'failure', upstream: 'timeout', code: 'UPSTREAM_TIMEOUT', message }, attemptEntryId);
    }
    case 'unreachable': {
      const { sent, stage } = outcome;
      const message = 'The upstream could not be reached.';
      return failed(
        { sent, entry: sent ? 'unknown' : 'failure', upstream: 'network', code: 'UPSTREAM_UNREACHABLE', message, stage },
        attemptEntryId,
      );
    }
    case 'held_back': {
      const message = 'This gateway may not send calls at the moment.';
      return failed({ sent: false, entry: 'failure', upstream: 'unknown', code: 'REVOCATION_STATE_STALE', message }, attemptEntryId);
    }
    case 'cut': {
      const { sent, cause } = outcome;
      const ended = { sent, entry: sent ? 'unknown' : 'failure', upstream: 'unknown' } as const;
      const why: Pick<Failure, 'code' | 'message' | 'reason'> =
        cause === 'revoked'
          ? { code: 'PASSPORT_REVOKED', message: 'The passport was revoked while the call was under way.', reason: 'revoked' }
          : { code: 'REVOCATION_STATE_STALE', message: 'The revocation feed fell silent while the call was under way.' };
      return failed({ ...ended, ...why }, attemptEntryId);
    }
  }
}

interface Failure {
  sent: boolean;
  entry: EntryOutcome;
  upstream: Completed['upstream'];
  code: 'REVOCATION_STATE_STALE' | 'RESPONSE_TOO_LARGE' | 'UPSTREAM_TIMEOUT' | 'UPSTREAM_UNREACHABLE' | 'PASSPORT_REVOKED';
  message: string;
  stage?: string;
  reason?: string;
}

function failed({ sent, entry, upstream, code, message, stage, reason }: Failure, attemptEntryId: string): Ended {
  const metadata = {
    ...(stage !== undefined && { stage }),
    ...(reason !== undefined && { reason }),
    attempt_entry_id: attemptEntryId,
    upstream_may_have_completed: sent,
  };
  return {
    closing: { sent, entry, fact: { outcome: 'failure', sent, status: null, upstream, error_code: code, resp_bytes: 0 } },
    answer: { ok: false, denial: denial(code, message, metadata) },
  };
}

function answered({ status, headers, body }: Extract<Outcome, { kind: 'answer' }>, scrub: Scrubber, attemptEntryId: string): Ended {
  const decoded = decodeBody(body, first(headers['content-encoding']));
  if (!decoded.ok) {
    const ended =
      decoded.problem === 'too_large' ? endOf({ kind: 'too_large' }, scrub, attemptEntryId) : endOf(broken, scrub, attemptEntryId);
    return { ...ended, closing: { ...ended.closing, entry: 'failure', fact: { ...ended.closing.fact, status } } };
  }
  const shown = scrub.headers(responseHeaders(headers));
  const fact = {
    outcome: 'success',
    sent: true,
    status,
    upstream: classOfStatus(status),
    error_code: null,
    resp_bytes: decoded.bytes.length,
  } as const;
  return {
    closing: { sent: true, entry: 'success', fact },
    answer: { ok: true, status, headers: shown, body: envelopeBody(decoded.bytes, first(headers['content-type']), scrub, decoded.opaque) },
  };
}

const broken: Outcome = { kind: 'unreachable', stage: 'protocol', sent: true };

function first(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(',');
}

function classOfStatus(status: number): Completed['upstream'] {
  if (status < 400) return 'ok';
  if (status === 401 || status === 403) return 'denied';
  if (status === 404) return 'not_found';
  if (status === 429) return 'limited';
  return status < 500 ? 'client_error' : 'server_error';
}
