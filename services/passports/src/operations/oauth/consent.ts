/** The consent page's questions (api.md §3.6): what a client asks for, and the signed-in person's answer, which alone makes a code. */
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { oauthGranted } from '@sallyport/contracts/facts/sign-in.ts';
import { oauthDenial } from '@sallyport/contracts/oauth-errors.ts';
import { decideRequest, type viewRequest } from '@sallyport/contracts/operations/oauth.ts';
import { answerOf, success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { unauthorized } from '@sallyport/service-kit/authenticate.ts';
import type { Deps } from '../../deps.ts';
import { CODE_MS, OAUTH_GRANT } from '../../domain/oauth-grant.ts';
import { withParameters } from '../../domain/redirect-uri.ts';
import { readActiveMember, readOperatorName } from '../../sign-in/members.ts';
import { makeOpaque, opaqueId } from '../../sign-in/opaque.ts';
import { type AuthorizationRequest, findClient, openRequest } from '../../sign-in/requests.ts';
import { sessionOnly } from '../../sign-in/session-only.ts';
import type { OAuthClient } from '../../domain/oauth-client.ts';

type Opened = { request: AuthorizationRequest; client: OAuthClient } | { refused: BusAnswer };

async function open(deps: Deps, sealed: string): Promise<Opened> {
  const request = await openRequest(deps, sealed);
  const client = request && (await findClient(deps, request.client_id));
  return client
    ? { request, client }
    : { refused: refuse(oauthDenial('invalid_request', 'This request is too old. Start again from the program.')) };
}

export function viewRequestOperation(deps: Deps): OperationHandler<typeof viewRequest> {
  return async ({ operation, principal, body }) => {
    const denied = sessionOnly(principal);
    if (denied) return refuse(denied);
    const opened = await open(deps, body.request);
    if ('refused' in opened) return opened.refused;
    const { request, client } = opened;
    const member = await readActiveMember(deps.ledger.load, principal.operator_id, principal.id);
    return success(operation, {
      client_id: client.client_id,
      client_name: client.client_name,
      built_in: client.built_in,
      redirect_uri: request.redirect_uri,
      scopes: request.scopes,
      email: member?.email ?? '',
      operator_name: await readOperatorName(deps, principal.operator_id),
    });
  };
}

export function decideRequestOperation(deps: Deps): OperationHandler<typeof decideRequest> {
  return async ({ principal, body, scope }) => {
    const denied = sessionOnly(principal);
    if (denied) return refuse(denied);
    const opened = await open(deps, body.request);
    if ('refused' in opened) return opened.refused;
    const { request, client } = opened;
    const { redirect_uri, state } = request;
    if (!body.approve) return success(decideRequest, { redirect_to: withParameters(redirect_uri, { error: 'access_denied', state }) });

    const { operator_id: operatorId, id: member_id } = principal;
    const decided = await deps.ledger.decide(scope, async (read) => {
      if (!(await readActiveMember(read.get, operatorId, member_id))) return { deny: unauthorized('session_ended').denial };
      const grant_id = opaqueId();
      const code = makeOpaque('ac', operatorId, grant_id);
      const granted = draft(oauthGranted, {
        grant_id,
        client_id: client.client_id,
        client_name: client.client_name,
        member_id,
        scopes: request.scopes,
        resource: request.resource,
        via: 'code',
        code: { sha256: code.sha256, challenge: request.challenge, redirect_uri, expires_at_ms: read.now + CODE_MS },
      });
      return { write: [{ on: OAUTH_GRANT, operator_id: operatorId, id: grant_id, facts: [granted] }], value: code.text };
    });
    return answerOf(decideRequest, decided, (code) => ({ redirect_to: withParameters(redirect_uri, { code, state }) }));
  };
}
