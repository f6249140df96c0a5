/**
 * What the review of one passport's run starts from (detectors.md §3.2): its signals of warning and above, once the owner of its session's partition
 * has read the log up to `min_seq`. Late is an outage, not "nothing found": the asker then flags the run as `review_pending`.
 */
import { ServiceUnavailable } from '@sallyport/bus/errors.ts';
import { parseFacts, readLedger } from '@sallyport/bus/api.ts';
import { aggregateSubject } from '@sallyport/bus/subjects.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { missionSignals } from '@sallyport/contracts/operations/security-events.ts';
import { partitionOf } from '@sallyport/features/partition.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { reviewable } from '../db/events.ts';
import type { Deps } from '../deps.ts';
import { askPassed } from '../worker/questions.ts';

const LONGEST_MS = 1_500;

export function missionSignalsOperation({ bus, database, events }: Deps): OperationHandler<typeof missionSignals> {
  return async ({ operation, body, remaining_ms }) => {
    const { operator_id, mission_id, jti, min_seq } = body;
    const end = performance.now() + Math.min(LONGEST_MS, remaining_ms());
    const left = (): number => Math.max(0, end - performance.now());
    const late = (): never => {
      throw new ServiceUnavailable(operation.name, 'timeout');
    };
    const issue =
      isId('operator', operator_id) && isId('passport', jti)
        ? await readLedger(bus, { next_by_subj: aggregateSubject(operator_id, 'passport', jti), seq: 1 })
        : null;
    const session = issue ? parseFacts(issue.data).find((fact) => fact.jti === jti)?.session_id : undefined;
    if (session === undefined) return success(operation, { flags: [], event_ids: [] });
    const lastSignal = await askPassed(bus, partitionOf(session), min_seq, left());
    if (lastSignal === null || !(await events.waitFor(operator_id, lastSignal, left()))) return late();
    const rows = await reviewable(database, operator_id, mission_id, jti);
    const flags = rows.map(({ signal_type, severity, message }) => ({ type: `signal:${signal_type}`, severity, message }));
    return success(operation, { flags, event_ids: rows.map(({ id }) => id) });
  };
}
