/** Questions of the gateway itself to owners: no bearer, an answer of the contract's shape, within the time of a view. */
import type { Bus } from '@sallyport/bus/connect.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import type { Denial } from '@sallyport/contracts/errors.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';

/** Longest wait for what is not known about a passport (architecture, "Views"). */
export const VIEW_MS = 450;

export type Answer = { ok: true; body: unknown } | { ok: false; denial: Denial };

export async function askOwner(
  bus: Bus,
  operation: Operation,
  body: object,
  requestId: string,
  timeoutMs: number = VIEW_MS,
): Promise<Answer> {
  const call = { operation: operation.name, bearer: { kind: 'none' }, params: {}, query: {}, body, request_id: requestId } as const;
  const answer = await ask(bus, operation, call, { timeout_ms: timeoutMs });
  return answer.ok ? { ok: true, body: answer.reply.body } : { ok: false, denial: answer.denial };
}
