/** People who sign in, and programs that act for them, as tests have them: the doors' own requests, and the questions of our pages asked as the gateway asks them. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { Bus } from '@sallyport/bus/connect.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import type { BusAnswer, BusCall } from '@sallyport/contracts/call.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { decideDevice, decideRequest } from '@sallyport/contracts/operations/oauth.ts';
import { passportsSealKey } from '@sallyport/contracts/operations/operator.ts';
import { generateSealKey, type SealPublicJwk } from '@sallyport/seal/sealed.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { openFields, sealFields } from '@sallyport/service-kit/seal-fields.ts';
import { type Answer, type Api, apiOf } from './api.ts';

export function tokenOf(url: string): string {
  return new URL(url).searchParams.get('token') ?? assert.fail(`no token in ${url}`);
}

export interface SignedIn {
  session: string;
  member_id: string;
  api: Api;
}

export async function signIn(baseUrl: string, loginUrl: string): Promise<SignedIn> {
  const answer = await apiOf(baseUrl)('POST', '/v1/auth/magic-link/verify', { token: tokenOf(loginUrl) });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const { session_token: session, member } = answer.body;
  return { session, member_id: member.id, api: apiOf(baseUrl, session) };
}

/** `x-www-form-urlencoded`; redirects are not followed. */
export async function postForm(
  baseUrl: string,
  path: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(baseUrl + path, { method: 'POST', body: new URLSearchParams(form), headers, redirect: 'manual' });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}

/** Status and `error` of an answer in the form of RFC 6749. */
export const oauthError = ({ status, body }: Answer): unknown[] => [status, body?.error];

export interface Program {
  client_id: string;
  redirect_uri: string;
  verifier: string;
  state: string;
}

export async function register(baseUrl: string, redirect_uri = 'http://127.0.0.1:49152/callback'): Promise<Program> {
  const answer = await apiOf(baseUrl)('POST', '/oauth/register', { client_name: 'Test program', redirect_uris: [redirect_uri] });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  const verifier = randomBytes(32).toString('base64url');
  return { client_id: answer.body.client_id, redirect_uri, verifier, state: randomBytes(12).toString('base64url') };
}

export function authorizeQuery(program: Program, more: Record<string, string | undefined> = {}): string {
  const given = {
    response_type: 'code',
    client_id: program.client_id,
    redirect_uri: program.redirect_uri,
    scope: 'api',
    state: program.state,
    code_challenge: createHash('sha256').update(program.verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  };
  const sent = Object.entries(given).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return new URLSearchParams(sent).toString();
}

/** The sealed request that the consent page gets. */
export async function authorize(baseUrl: string, program: Program, more: Record<string, string | undefined> = {}): Promise<string> {
  const answer = await fetch(`${baseUrl}/oauth/authorize?${authorizeQuery(program, more)}`, { redirect: 'manual' });
  assert.equal(answer.status, 302, await answer.text());
  const to = new URL(answer.headers.get('location') ?? '');
  assert.equal(to.pathname, '/oauth/consent');
  return to.searchParams.get('request') ?? assert.fail('no request');
}

export interface Tokens {
  access_token: string;
  refresh_token: string;
  scope: string;
  operator_id: string;
}

/** What the gateway asks for its pages. */
export interface Pages {
  ask(operation: Operation, session: string | null, body?: unknown): Promise<BusAnswer>;
}

export function pagesOver(bus: () => Promise<Bus>): Pages {
  const mine = generateSealKey();
  const call = (operation: Operation, session: string | null, body: unknown): BusCall => ({
    operation: operation.name,
    bearer: session === null ? { kind: 'none' } : { kind: 'jwt', token: session },
    params: {},
    query: {},
    body,
    request_id: newId('request', Date.now()),
    reply_key: { ...mine.public_jwk },
  });
  return {
    ask: async (operation, session, body) => {
      const told = await ask(await bus(), passportsSealKey, call(passportsSealKey, null, undefined), { timeout_ms: 5_000 });
      assert.ok(told.ok);
      const { x } = (told.reply.body as { key: { x: string } }).key;
      const key: SealPublicJwk = { kty: 'OKP', crv: 'X25519', x };
      const sealed = await sealFields(operation, body, key);
      return openFields(
        operation,
        await ask(await bus(), operation, call(operation, session, sealed), { timeout_ms: 10_000 }),
        mine.private_jwk,
      );
    },
  };
}

export function answered(answer: BusAnswer): Answer['body'] {
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.reply.body;
}

/** The code that the program gets when the person says yes. */
export async function consent(pages: Pages, session: string, request: string): Promise<string> {
  const { redirect_to } = answered(await pages.ask(decideRequest, session, { request, approve: true }));
  return new URL(redirect_to).searchParams.get('code') ?? assert.fail('no code');
}

export function codeForm(program: Program, code: string): Record<string, string> {
  const { client_id, redirect_uri, verifier } = program;
  return { grant_type: 'authorization_code', code, client_id, redirect_uri, code_verifier: verifier };
}

/** The whole code flow. */
export async function tokensByCode(baseUrl: string, pages: Pages, session: string, scope = 'api'): Promise<Tokens & { program: Program }> {
  const program = await register(baseUrl);
  const code = await consent(pages, session, await authorize(baseUrl, program, { scope }));
  const answer = await postForm(baseUrl, '/oauth/token', codeForm(program, code));
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return { ...answer.body, program };
}

export function refresh(baseUrl: string, refresh_token: string, client_id: string): Promise<Answer> {
  return postForm(baseUrl, '/oauth/token', { grant_type: 'refresh_token', refresh_token, client_id });
}

export async function approveDevice(pages: Pages, session: string, user_code: string, approve = true): Promise<BusAnswer> {
  return pages.ask(decideDevice, session, { user_code, approve });
}

/** The address of a consent page for a client that was registered for this callback. */
export async function consentUrl(
  baseUrl: string,
  redirect_uri: string,
  more: Record<string, string> = {},
): Promise<{ url: string; client_id: string; verifier: string }> {
  const verifier = randomBytes(32).toString('base64url');
  const body = {
    client_name: 'STACK Python SDK on ada-laptop.local',
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
  };
  const client = await apiOf(baseUrl)('POST', '/oauth/register', body);
  assert.equal(client.status, 201, JSON.stringify(client.body));
  const { client_id } = client.body;
  const query = new URLSearchParams({
    response_type: 'code',
    client_id,
    redirect_uri,
    scope: 'agents:read passports:write credentials:read',
    state: 'st',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  });
  return { url: `${baseUrl}/oauth/authorize?${query.toString()}`, client_id, verifier };
}
