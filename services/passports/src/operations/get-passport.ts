/** `GET /v1/passports/:jti` (api.md §6). The token itself is never returned again. */
import { refuse } from '@sallyport/contracts/call.ts';
import type { getPassport } from '@sallyport/contracts/operations/passports.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { passportObject } from '../domain/claims.ts';
import { noPassport, readLife, readPassport } from '../reading.ts';

export function getPassportOperation(deps: Deps): OperationHandler<typeof getPassport> {
  return async ({ operation, principal, params: { jti } }) => {
    const { operator_id } = principal;
    const passport = await readPassport(deps.ledger.load, operator_id, jti);
    if (!passport || (principal.type === 'agent' && passport.issued.agent_id !== principal.id)) return refuse(noPassport(jti));
    const [life, used] = await Promise.all([
      readLife(deps.ledger.load, operator_id, passport, deps.clock.now()),
      deps.database.db.selectFrom('passport_usage').select('last_used_ms').where('jti', '=', jti).executeTakeFirst(),
    ]);
    return success(operation, passportObject(passport, life, used?.last_used_ms ?? null));
  };
}
