/** `GET /v1/me` (api.md §3.6): who the caller is, as it was just found out. */
import type { BusCall } from '@sallyport/contracts/call.ts';
import type { me } from '@sallyport/contracts/operations/sign-in.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { readToken } from '@sallyport/passport-verify/token.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { resolvePrincipal } from '../../identify.ts';

export function meOperation(deps: Deps): OperationHandler<typeof me> {
  return async ({ operation, call, principal }) => {
    const { type, id, role, operator_id, scopes, allowed_connections } = principal;
    const ends = await endOf(deps, call);
    return success(operation, {
      principal: { type, id, role },
      operator_id,
      scopes,
      expires_at: ends === null ? null : iso(ends),
      allowed_connections,
    });
  };
}

/** Unix ms. The bearer was verified before; only its own end is read here. */
async function endOf(deps: Deps, { bearer }: BusCall): Promise<number | null> {
  if (bearer.kind === 'key') return (await resolvePrincipal(deps, bearer.sha256, 0))?.expires_at_ms ?? null;
  const exp = bearer.kind === 'jwt' ? readToken(bearer.token)?.payload['exp'] : null;
  return typeof exp === 'number' ? Math.floor(exp) * 1000 : null;
}
