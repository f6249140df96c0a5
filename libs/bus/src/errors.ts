/** Outages of the bus, as exceptions: expected refusals are values (`Denial`), these are not. */

/** The ledger could not be read or written in time; a write may still land. Becomes 503 AUDIT_UNAVAILABLE. */
export class LedgerUnavailable extends Error {
  override readonly name = 'LedgerUnavailable';
}

export type UnavailableReason = 'no_responders' | 'timeout' | 'broken_stream';

/** The owner of an operation did not answer: nobody serves it, not in time, or its stream broke off. */
export class ServiceUnavailable extends Error {
  override readonly name = 'ServiceUnavailable';
  readonly reason: UnavailableReason;
  readonly operation: string;

  constructor(operation: string, reason: UnavailableReason, options?: ErrorOptions) {
    super(`${operation}: ${reason}`, options);
    this.operation = operation;
    this.reason = reason;
  }
}
