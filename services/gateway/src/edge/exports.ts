/** `audit.exported`, on record before the first row leaves (api.md §16.2). The owner decides whether the caller may; this only says that it was asked. */
import type { Bus } from '@sallyport/bus/connect.ts';
import { append } from '@sallyport/bus/append.ts';
import { aggregateSubject } from '@sallyport/bus/subjects.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import { auditExported } from '@sallyport/contracts/facts/calls.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { PrincipalView } from '@sallyport/contracts/objects/views.ts';

const APPEND_MS = 2_000;

/** Returns the log sequence. Throws LedgerUnavailable. */
export async function recordExport(
  bus: Bus,
  principal: PrincipalView['principal'],
  query: Readonly<Record<string, unknown>>,
  call: { now: number; request_id: string; traceparent: string },
): Promise<number | Denial> {
  const id = newId('event', call.now);
  const text = (name: string): string | null => {
    const value = query[name];
    return typeof value === 'string' ? value : null;
  };
  const fact = {
    id,
    type: auditExported.type,
    v: auditExported.v,
    at: call.now,
    operator_id: principal.operator_id,
    actor: { type: principal.type, id: principal.id },
    request_id: call.request_id,
    traceparent: call.traceparent,
    data: { format: text('format') ?? 'json', from: text('from'), to: text('to'), agent_id: text('agent_id') },
  };
  const message = { subject: aggregateSubject(principal.operator_id, 'export', id), facts: [fact], expect: 0, id };
  const appended = await append(bus, [message], { deadline_ms: APPEND_MS });
  return 'conflict' in appended ? denial('AUDIT_UNAVAILABLE', 'The export could not be recorded.') : appended.seq;
}
