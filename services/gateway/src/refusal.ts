/**
 * A refused call: the public denial, and what the record of it says beyond (detectors.md 1.4). Pure.
 */
import { type Denial, denial, type ErrorCode, type Metadata } from '@sallyport/contracts/errors.ts';

export interface Failed {
  path: string;
  op: string;
  /** Of the constraint, not of the call: it leaves the gateway only as a hash. */
  value: unknown;
}

export interface Refusal {
  denial: Denial;
  failed?: Failed;
  intent_services?: string[];
  granted_providers?: string[];
  /** Where the record says more than the caller is told. */
  recorded_reason?: string;
}

export function refusal(code: ErrorCode, message: string, metadata?: Metadata, more: Omit<Refusal, 'denial'> = {}): Refusal {
  return { denial: denial(code, message, metadata), ...more };
}

export function forbidden(reason: string, message: string, metadata: Metadata = {}, more: Omit<Refusal, 'denial'> = {}): Refusal {
  return refusal('FORBIDDEN', message, { reason, ...metadata }, more);
}

export function unauthorized(reason: string, message: string): Refusal {
  return refusal('UNAUTHORIZED', message, { reason });
}

export function reasonOf(refused: Refusal): string | null {
  const reason = refused.denial.metadata?.['reason'];
  return typeof reason === 'string' ? reason : null;
}

const CRITICAL_FORBIDDEN = ['service_out_of_scope', 'service_not_granted', 'resource_out_of_scope'];
const CRITICAL_DESTINATION = ['host_not_bound', 'port_not_bound', 'scheme', 'userinfo', 'ip_literal', 'private_address'];

/** Detectors will find this critical for an enforced passport, so its next calls are held (detectors.md 1.9, 2.1). */
export function isCritical({ denial: { code }, ...rest }: Refusal, reason: string | null): boolean {
  if (reason === null) return false;
  if (code === 'DESTINATION_FORBIDDEN') return CRITICAL_DESTINATION.includes(reason);
  if (code !== 'FORBIDDEN') return false;
  if (reason === 'constraint_failed') return rest.failed?.path === 'method' || rest.failed?.path.startsWith('url.') === true;
  return CRITICAL_FORBIDDEN.includes(reason);
}
