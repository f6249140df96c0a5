/** What a gateway must know of a mission's earlier calls (architecture, "The window"): one consistent reading, and the log position that it holds up to. */
import { partitionOf } from '@sallyport/bus/subjects.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import type { missionOperations, MissionOperations } from '@sallyport/contracts/operations/call-log.ts';
import { target } from '@sallyport/contracts/target.ts';
import { readCursor } from '@sallyport/projections/cursors.ts';
import { libraryTables } from '@sallyport/projections/tables.ts';
import { targetHash } from '@sallyport/admission/hashes.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { hashText } from '../calls/hash-text.ts';
import type { Deps } from '../deps.ts';
import { CALLS } from '../projections/calls.ts';

const LONGEST_MS = 450;
/** What the reading itself may take of the asker's time. */
const READ_MS = 50;

export function missionOperationsOperation({ database, calls }: Deps): OperationHandler<typeof missionOperations> {
  return async ({ operation, body: { operator_id, mission_id, min_position }, remaining_ms }) => {
    const wait = Math.max(0, Math.min(LONGEST_MS, remaining_ms() - READ_MS));
    if (!(await calls.waitFor(operator_id, min_position, wait)))
      return refuse({ ...denial('READ_MODEL_BEHIND', 'The calls have not been read that far yet.'), retry_after: 1 });
    const family = hashText(targetHash(target('mission', mission_id)));
    const answer = await database.db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (tx): Promise<MissionOperations> => {
        // Nothing was pending up to `min_position` before this snapshot was taken.
        const position = Math.max(min_position, await readCursor(libraryTables(tx), CALLS, partitionOf(operator_id)));
        const operations = await tx
          .selectFrom('operations')
          .select(['mission', 'id', 'digest', 'state'])
          .where('family', '=', family)
          .execute();
        const approvals = await tx.selectFrom('approvals').select(['mission', 'id']).where('family', '=', family).execute();
        const counts = await tx.selectFrom('counts').select(['mission', 'kind', 'service', 'used']).where('family', '=', family).execute();
        const open = await tx
          .selectFrom('attempts')
          .select(['attempt', 'holding'])
          .where('family', '=', family)
          .where('holding', 'is not', null)
          .execute();
        return {
          position,
          operations,
          approvals,
          counts: counts.map(({ service, ...count }) => ({ ...count, service: service === '' ? null : service })),
          open: open.flatMap(({ attempt, holding }) => (holding === null ? [] : [{ attempt, ...holding }])),
        };
      });
    return success(operation, answer);
  };
}
