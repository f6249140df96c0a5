/**
 * Repeats of an operation id (api.md §8.8): the answers of a repeat, without stored responses. Pure.
 */
import type { Hash } from '@sallyport/admission/entry.ts';
import type { OperationState } from '@sallyport/admission/verdict.ts';
import { denial, type Denial } from '@sallyport/contracts/errors.ts';
import type { Refusal } from '../refusal.ts';

/** What the first call with this id makes of a repeat. */
export function repeatRefusal(operationId: string, first: OperationState, digest: Hash): Refusal {
  const operation = {
    operation_id: operationId,
    delivery_state: deliveryState(first.state),
    replay_state: 'none',
    accounting_state: 'committed',
    provider_outcome: 'not_required',
    provider_status: null,
    response: null,
  };
  const refuse = (reason: string, message: string): Denial => denial('CONFLICT', message, { reason, operation });
  if (first.digest !== digest) return { denial: refuse('operation_mismatch', 'This operation id belongs to another call of the mission.') };
  switch (first.state) {
    case 'running':
      return { denial: { ...refuse('operation_in_progress', 'The first call of this operation is still running.'), retry_after: 1 } };
    case 'unknown':
      return { denial: refuse('outcome_unknown', 'What became of the first call of this operation is not known.') };
    case 'success':
    case 'failure':
    case 'denied':
      return { denial: refuse('not_replayable', 'This operation was carried out; its response is not stored.') };
  }
}

function deliveryState(state: OperationState['state']): string {
  switch (state) {
    case 'running':
      return 'dispatching';
    case 'unknown':
      return 'outcome_unknown';
    case 'success':
    case 'failure':
    case 'denied':
      return 'response_received';
  }
}
