/** `GET /oauth/authorize` (api.md §3.6): a request that stands goes to the consent page; nobody is asked who they are here. */
import { refuse, reply } from '@sallyport/contracts/call.ts';
import type { authorize } from '@sallyport/contracts/operations/oauth.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { judgeRequest, sealRequest } from '../../sign-in/requests.ts';

export function authorizeOperation(deps: Deps): OperationHandler<typeof authorize> {
  return async ({ query }) => {
    const judged = await judgeRequest(deps, query);
    if ('denial' in judged) return refuse(judged.denial);
    const request = await sealRequest(deps, judged.request);
    return reply(302, null, { headers: { Location: `${deps.public_url}/oauth/consent?request=${encodeURIComponent(request)}` } });
  };
}
