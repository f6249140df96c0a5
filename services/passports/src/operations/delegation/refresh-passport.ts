/** `POST /v1/passports/refresh` (api.md §6). */
import type { refreshPassport as contract } from '@sallyport/contracts/operations/passports.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { refreshPassport } from '../../refreshing.ts';

export function refreshPassportOperation(deps: Deps): OperationHandler<typeof contract> {
  return async ({ operation, principal, body: { token, ttl_seconds }, scope }) => {
    const decided = await refreshPassport(deps, { principal, scope, token, ttl_seconds: ttl_seconds ?? null });
    return answerOf(operation, decided, (value) => value);
  };
}
