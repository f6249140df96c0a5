/** May the caller make proxied calls of this method: the scopes of an access token (api.md §3.6). Nothing else is limited by scope. Pure. */
import { scopeOpens } from '@sallyport/contracts/scopes.ts';
import type { ProxyRequest } from '../proxy/request.ts';
import type { Standing } from '../pipeline.ts';
import { forbidden, type Refusal } from '../refusal.ts';

export function checkCaller({ method }: Pick<ProxyRequest, 'method'>, { principal }: Standing): Refusal | null {
  const needed = method === 'GET' || method === 'HEAD' ? 'proxy:read' : 'proxy:write';
  if (principal.scopes === null || scopeOpens(principal.scopes, needed)) return null;
  return forbidden('scope', `This token lacks the scope ${needed}.`, { needed });
}
