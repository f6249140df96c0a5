/**
 * `idempotency_key` in a mission's body means `Idempotency-Key` (api.md §7). It is taken out of the call before the shared way in sees it; where both are given they
 * must agree.
 */
import type { Handler } from '@sallyport/bus/rpc.ts';
import { type BusCall, refuse } from '@sallyport/contracts/call.ts';
import { invalid } from '@sallyport/contracts/errors.ts';

/** `fieldOf`: where in the body it stands. */
export function withFieldIdempotency(handler: Handler, fieldOf: (body: Record<string, unknown>) => unknown): Handler {
  return async (call, context) => {
    const field = isRecord(call.body) ? fieldOf(call.body) : undefined;
    // Anything but a text of the right form is the schema's to refuse.
    if (typeof field !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(field)) return handler(call, context);
    if (call.idempotency_key !== undefined && call.idempotency_key !== field) {
      return refuse(invalid([{ path: 'idempotency_key', rule: 'disagrees' }]));
    }
    const keyed: BusCall = { ...call, idempotency_key: field };
    return handler(keyed, context);
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
