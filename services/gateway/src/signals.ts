/** One helper per business event of the gateway: log line and metric together. No line is written for a call that went well. */
import type { Log } from '@sallyport/service-kit/log.ts';
import type { Metrics } from '@sallyport/service-kit/metrics.ts';

export interface Signals {
  callAnswered(seconds: number): void;
  callRefused(code: string, reason: string | null, recorded: boolean): void;
  callCut(cause: 'revoked' | 'stale'): void;
  outcomeNotRecorded(): void;
  questionFailed(what: string): void;
  requestFailed(requestId: string, error: unknown): void;
}

export function createSignals(log: Log, metrics: Metrics): Signals {
  const refused = metrics.counter('proxy_refused_total', 'Proxied calls refused', ['code', 'recorded']);
  const answered = metrics.histogram('proxy_call_seconds', 'Time of proxied calls, upstream included', []);
  const cut = metrics.counter('proxy_cut_total', 'Calls cut in flight', ['cause']);
  const unrecorded = metrics.counter('proxy_outcome_unrecorded_total', 'Outcomes that the log did not take at once');
  const questions = metrics.counter('view_questions_failed_total', 'Questions to owners without an answer in time', ['what']);
  return {
    callAnswered: (seconds) => answered({}, seconds),
    callRefused: (code, reason, recorded) => {
      refused({ code, recorded: String(recorded) });
      log.debug({ code, reason, recorded }, 'call refused');
    },
    callCut: (cause) => cut({ cause }),
    outcomeNotRecorded: () => {
      unrecorded();
      log.warn({}, 'the outcome of a call could not be recorded at once');
    },
    questionFailed: (what) => {
      questions({ what });
      log.warn({ operation: what }, 'an owner did not answer in time');
    },
    requestFailed: (requestId, error) => {
      const fields = error instanceof Error ? { error: `${error.name}: ${error.message}`, stack: error.stack } : { error: String(error) };
      log.error({ request_id: requestId, ...fields }, 'request failed');
    },
  };
}
