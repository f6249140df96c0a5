/** One helper per business event: a log line and a metric. Never a credential, a label or a host. */
import type { Log } from '@sallyport/service-kit/log.ts';
import type { Metrics } from '@sallyport/service-kit/metrics.ts';

export interface Signals {
  connected(connectionId: string, operatorId: string): void;
  changed(connectionId: string, operatorId: string, fields: readonly string[]): void;
  disconnected(connectionId: string, operatorId: string, revoked: number): void;
  /** `outcome`: `opened`, or the code of the refusal. */
  credentialAsked(connectionId: string, outcome: string): void;
}

export function createSignals(log: Log, metrics: Metrics): Signals {
  const changes = metrics.counter('connection_changes_total', 'Connections made, changed and ended', ['kind']);
  const asked = metrics.counter('credentials_asked_total', 'Credentials that gateways asked for', ['outcome']);
  return {
    connected: (connection_id, operator_id) => {
      changes({ kind: 'connected' });
      log.info({ connection_id, operator_id }, 'service connected');
    },
    changed: (connection_id, operator_id, fields) => {
      changes({ kind: 'changed' });
      log.info({ connection_id, operator_id, event: fields.join(' ') }, 'connection changed');
    },
    disconnected: (connection_id, operator_id, revoked) => {
      changes({ kind: 'disconnected' });
      log.info({ connection_id, operator_id, count: revoked }, 'service disconnected');
    },
    credentialAsked: (connection_id, outcome) => {
      asked({ outcome });
      if (outcome !== 'opened') log.warn({ connection_id, outcome }, 'credential not opened');
    },
  };
}
