/** One helper per business event: a log line and a counter. Never a token, never a reason text that a caller wrote. */
import type { Log } from '@sallyport/service-kit/log.ts';
import type { Metrics } from '@sallyport/service-kit/metrics.ts';

export interface Signals {
  issued(mode: string): void;
  revoked(kind: string, operatorId: string, count: number): void;
  propagated(gateways: number, acknowledged: number, elapsedMs: number): void;
  lapsed(reason: string, lateMs: number): void;
  cutSent(operatorId: string): void;
}

export function createSignals(log: Log, metrics: Metrics): Signals {
  const issued = metrics.counter('passports_issued_total', 'Passports issued', ['mode']);
  const revoked = metrics.counter('revocations_total', 'Revocations written', ['kind']);
  const lapsed = metrics.counter('passports_lapsed_total', 'Passports that lapsed', ['reason', 'late']);
  const propagation = metrics.histogram('revocation_propagation_seconds', 'Time until the live gateways had read a revocation', [
    'complete',
  ]);
  const cuts = metrics.counter('cuts_total', 'Revocations that the log could not take at once');
  return {
    issued: (mode) => issued({ mode }),
    revoked: (kind, operator_id, count) => {
      revoked({ kind });
      log.info({ event: 'revoked', kind, operator_id, count }, 'revoked');
    },
    propagated: (gateways, acknowledged, elapsedMs) => {
      propagation({ complete: String(gateways === acknowledged) }, elapsedMs / 1000);
      if (acknowledged < gateways) log.warn({ gateways, acknowledged, elapsed_ms: elapsedMs }, 'not every gateway has read the revocation');
    },
    // More than a second late is worth knowing (detectors.md 5.3).
    lapsed: (reason, lateMs) => lapsed({ reason, late: String(lateMs > 1000) }),
    cutSent: (operator_id) => {
      cuts();
      log.error({ event: 'cut', operator_id }, 'a revocation could not be written, gateways were told to cut');
    },
  };
}
