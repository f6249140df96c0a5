/** One helper per business event: a log line and a metric. Labels hold no ids. */
import type { Log } from '@sallyport/service-kit/log.ts';
import type { Metrics } from '@sallyport/service-kit/metrics.ts';
import type { Raised } from './framework/host.ts';

export interface Signals {
  /** `lateMs`: since the event that caused it. */
  raised(signal: Raised, lateMs: number): void;
  /** A detector threw twice and was skipped for one event. */
  failed(detector: string): void;
  took(partitions: number): void;
  lost(partitions: number, cause: string): void;
}

export function createSignals(log: Log, metrics: Metrics): Signals {
  const raised = metrics.counter('det_signals_total', 'Signals raised', ['detector', 'code', 'severity']);
  const late = metrics.histogram('event_to_signal_seconds', 'From an event to its signal in the ledger', ['detector']);
  const errors = metrics.counter('det_errors_total', 'Steps that threw', ['detector']);
  const moves = metrics.counter('partition_moves_total', 'Partitions taken and given up', ['to']);
  return {
    raised: ({ signal_id, detector, code, severity, cause }, lateMs) => {
      raised({ detector, code, severity });
      late({ detector }, Math.max(0, lateMs) / 1_000);
      log.info({ signal: signal_id, type: detector, code, severity, jti: cause.jti ?? '', event: cause.id }, 'signal raised');
    },
    failed: (detector) => {
      errors({ detector });
      log.error({ type: detector }, 'a detector failed');
    },
    took: (count) => {
      moves({ to: 'us' }, count);
      log.info({ count }, 'partitions taken');
    },
    lost: (count, cause) => {
      moves({ to: 'others' }, count);
      log.info({ count, cause }, 'partitions given up');
    },
  };
}
