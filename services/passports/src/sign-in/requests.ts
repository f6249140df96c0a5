/**
 * What a client asks of a person in a browser (RFC 6749 §4.1.1), judged, and carried to the consent page as one sealed text: nobody else can make one, and it
 * is good for ten minutes. Nothing of it is stored.
 */
import { oauthDenial } from '@sallyport/contracts/oauth-errors.ts';
import type { Denial } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import { knownScopes } from '@sallyport/contracts/scopes.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { type Static, Type } from 'typebox';
import type { Deps } from '../deps.ts';
import { builtInClient, OAUTH_CLIENT, type OAuthClient } from '../domain/oauth-client.ts';
import { isChallenge } from '../domain/pkce.ts';
import { isRegistered } from '../domain/redirect-uri.ts';

const LIFE_MS = 600_000;
/** The published client's default base URL: it asks for that one wherever it is. */
const PUBLISHED_RESOURCE = 'https://api.getstack.run';

const AuthorizationRequest = Type.Object({
  client_id: Type.String(),
  redirect_uri: Type.String(),
  scopes: Type.Array(Type.String()),
  state: Type.String(),
  challenge: Type.String(),
  resource: Type.Union([Type.String(), Type.Null()]),
  expires_at_ms: Type.Integer(),
});
export type AuthorizationRequest = Static<typeof AuthorizationRequest>;

export interface Asked {
  response_type?: string;
  client_id?: string;
  redirect_uri?: string;
  scope?: string;
  state?: string;
  code_challenge?: string;
  code_challenge_method?: string;
  resource?: string;
}

export async function findClient(deps: Pick<Deps, 'ledger' | 'public_url'>, clientId: string): Promise<OAuthClient | null> {
  const ours = builtInClient(clientId, deps.public_url);
  if (ours) return ours;
  return isId('oauth_client', clientId) ? (await deps.ledger.load(OAUTH_CLIENT, PLATFORM, clientId)).state : null;
}

/**
 * Whatever is wrong is told to the person, never by a redirect: anybody can register a client, so a redirect without the person's consent would lead
 * anywhere (RFC 9700 §4.11.2).
 */
export async function judgeRequest(deps: Deps, asked: Asked): Promise<{ request: AuthorizationRequest } | { denial: Denial }> {
  const no = (text: string): { denial: Denial } => ({ denial: oauthDenial('invalid_request', text) });
  const client = asked.client_id === undefined ? null : await findClient(deps, asked.client_id);
  if (!client) return no('The program that asks is not registered here.');
  const { redirect_uri, state, code_challenge: challenge, resource = null } = asked;
  if (redirect_uri === undefined || !isRegistered(redirect_uri, client.redirect_uris))
    return no('The program did not register this address.');
  if (asked.response_type !== 'code') return no('Only the code flow is offered here.');
  if (asked.code_challenge_method !== 'S256' || challenge === undefined || !isChallenge(challenge))
    return no('The request has no S256 challenge.');
  if (state === undefined || state === '') return no('The request has no state.');
  const scopes = knownScopes(asked.scope ?? '');
  if (scopes.length === 0) return no('The program asks for nothing that exists here.');
  if (resource !== null && !isResource(deps.public_url, resource)) return no('The program asks for the resource of another server.');
  const expires_at_ms = deps.clock.now() + LIFE_MS;
  return { request: { client_id: client.client_id, redirect_uri, scopes, state, challenge, resource, expires_at_ms } };
}

function isResource(publicUrl: string, resource: string): boolean {
  return [publicUrl, `${publicUrl}/`, `${publicUrl}/mcp`, PUBLISHED_RESOURCE].includes(resource);
}

export async function sealRequest(deps: Pick<Deps, 'signIn'>, request: AuthorizationRequest): Promise<string> {
  return deps.signIn.requests.seal(JSON.stringify(request));
}

/** Null: not made here, or too old. */
export async function openRequest(deps: Pick<Deps, 'signIn' | 'clock'>, sealed: string): Promise<AuthorizationRequest | null> {
  let request: unknown;
  try {
    request = JSON.parse(await deps.signIn.requests.open(sealed));
  } catch {
    return null;
  }
  return matches(AuthorizationRequest, request) && deps.clock.now() < request.expires_at_ms ? request : null;
}
