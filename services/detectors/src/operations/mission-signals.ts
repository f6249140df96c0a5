/**
 * What detectors found in one passport run, for its checkout (detectors.md §3.2): asked only once the owner of the session's partition has passed
 * what the caller had written. Refuses rather than answers with less.
 */
import { refuse } from '@sallyport/contracts/call.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import type { missionSignals } from '@sallyport/contracts/operations/security-events.ts';
import { partitionOf } from '@sallyport/features/partition.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { askPassed } from '../worker/questions.ts';

const LONGEST_MS = 1_500;

export function missionSignalsOperation(deps: Deps): OperationHandler<typeof missionSignals> {
  return async ({ operation, body, remaining_ms }) => {
    const end = performance.now() + Math.min(LONGEST_MS, remaining_ms());
    const late = { ...denial('READ_MODEL_BEHIND', 'The detectors have not read that far yet.'), retry_after: 1 };
    const lastSignal = await askPassed(deps.bus, partitionOf(body.session_id), body.min_seq, end - performance.now());
    if (lastSignal === null) return refuse(late);
    if (lastSignal > 0 && !(await deps.events.waitFor(body.operator_id, lastSignal, end - performance.now()))) return refuse(late);
    const rows = await deps.database.db
      .selectFrom('security_events')
      .select(['id', 'signal_type', 'severity', 'message', 'metadata', 'event_id'])
      .where('operator_id', '=', body.operator_id)
      .where('mission_id', '=', body.mission_id)
      .where('passport_jti', '=', body.jti)
      .where('severity', 'in', ['warning', 'critical'])
      .where('dry_run', '=', false)
      .orderBy('id')
      .execute();
    const flags = rows.map(({ signal_type, severity, message }) => ({ type: `signal:${signal_type}`, severity, message }));
    const flag_details = rows.map(({ signal_type, metadata, event_id }) => ({
      type: `signal:${signal_type}`,
      metadata,
      evidence: [event_id],
    }));
    return success(operation, { flags, event_ids: rows.map(({ id }) => id), flag_details });
  };
}
