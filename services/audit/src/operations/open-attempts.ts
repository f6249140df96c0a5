/** Attempts without a closing, with the log's verdict, for the gateway that sweeps up after lost ones (api.md §8.6). */
import { refuse } from '@sallyport/contracts/call.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import type { openAttempts } from '@sallyport/contracts/operations/call-log.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';

const MOST = 1_000;

export function openAttemptsOperation({ database, calls }: Deps): OperationHandler<typeof openAttempts> {
  return async ({ operation, body: { boot, min_position }, remaining_ms }) => {
    if (!(await calls.waitForAll(min_position, remaining_ms() / 2)))
      return refuse({ ...denial('READ_MODEL_BEHIND', 'The calls have not been read that far yet.'), retry_after: 1 });
    const columns = ['attempt', 'boot', 'seq', 'index', 'reason'] as const;
    const all = database.db.selectFrom('attempts').select(columns);
    const attempts =
      boot === null
        ? await all.distinctOn('boot').orderBy('boot').orderBy('seq').orderBy('index').execute()
        : await all.where('boot', '=', boot).orderBy('seq').orderBy('index').limit(MOST).execute();
    return success(operation, { attempts });
  };
}
