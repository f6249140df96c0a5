/**
 * The pages for people (api.md §3.6, §5.2), rendered here from what `passports` answers. A page itself decides nothing: who is signed in, what a client may
 * ask for and what an answer means is judged by the owner, with the session of the cookie. A form is taken from our own origin alone.
 */
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { EdgeDeps } from '../deps.ts';
import { limitRequest } from '../edge/limit.ts';
import { classifyBearer } from '../http/bearer.ts';
import type { KnownPaths } from '../http/not-found.ts';
import type { Limits } from '../http/rate-limits.ts';
import { CLEAR_SESSION_COOKIE, crossSite, sessionOfCookie } from '../http/session-cookie.ts';
import { addAssets } from './assets.ts';
import { answerConsent, showConsent } from './consent.ts';
import { answerDevice, showDevice } from './device.ts';
import { acceptInvite, showInvitation } from './invite.ts';
import { leavePage } from './leave.ts';
import { localPath } from './local-path.ts';
import { askForLink, linkSent, showLogin, signIn } from './login.ts';
import { showMe, signOut } from './me.ts';
import { denialPage } from './refusals.ts';
import { answerBootstrap, showBootstrap } from './sdk-bootstrap.ts';
import { sendPage, sendTo } from './send.ts';
import type { Handler, PageAnswer, Visit } from './visit.ts';

export interface PageDeps {
  limits: Limits;
  current: () => Pick<EdgeDeps, 'askOwner'>;
  public_url: string;
}

const ROUTES: readonly (readonly ['GET' | 'POST', string, Handler])[] = [
  ['GET', '/login', showLogin],
  ['POST', '/login', signIn],
  ['POST', '/login/link', askForLink],
  ['GET', '/login/sent', linkSent],
  ['POST', '/logout', signOut],
  ['GET', '/me', showMe],
  ['GET', '/invite/:id', showInvitation],
  ['POST', '/invite/:id', acceptInvite],
  ['GET', '/oauth/consent', showConsent],
  ['POST', '/oauth/consent', answerConsent],
  ['GET', '/device', showDevice],
  ['POST', '/device', answerDevice],
  ['GET', '/sdk-bootstrap', showBootstrap],
  ['POST', '/sdk-bootstrap', answerBootstrap],
];
const FORM_BYTES = 32 * 1024;

export function addPages(app: FastifyInstance, deps: PageDeps, paths: KnownPaths): void {
  addAssets(app, paths);
  for (const [method, url, handle] of ROUTES) {
    paths.add(method, url);
    const isForm = method === 'POST';
    app.route({
      method,
      url,
      exposeHeadRoute: false,
      bodyLimit: FORM_BYTES,
      config: { errors: 'page', ...(isForm && { consumes: 'form' }) },
      handler: async (request, reply) => {
        const refused = isForm ? crossSite(request.headers.origin, deps.public_url) : null;
        return refused
          ? send(request, reply, deps, { page: denialPage(refused) })
          : send(request, reply, deps, await handle(visitOf(request, reply, deps)));
      },
    });
  }
}

function visitOf(request: FastifyRequest, reply: FastifyReply, deps: PageDeps): Visit {
  const form = new Map<string, unknown>(request.method === 'POST' ? entriesOf(request.body) : []);
  const url = new URL(request.url, 'http://page.invalid');
  const { cookie } = request.headers;
  return {
    url: localPath(request.url, deps.public_url) ?? '/me',
    publicUrl: deps.public_url,
    given: (name) => {
      const [value, ...more] = request.method === 'POST' ? [form.get(name)] : url.searchParams.getAll(name);
      return typeof value === 'string' && more.length === 0 ? value : null;
    },
    params: Object.fromEntries(entriesOf(request.params).map(([name, value]) => [name, String(value)])),
    session: sessionOfCookie(cookie),
    fromElsewhere: request.headers['sec-fetch-site'] === 'cross-site',
    cookies: cookie,
    ask: (operation, body, session, params) => ask(request, reply, deps, operation, body, session, params),
  };
}

async function ask(
  { info }: FastifyRequest,
  reply: FastifyReply,
  { limits, current }: PageDeps,
  operation: Operation,
  body: object,
  session: string | null,
  params: Readonly<Record<string, string>> = {},
): Promise<BusAnswer> {
  const bearing = session === null ? ({ kind: 'none' } as const) : classifyBearer(`Bearer ${session}`);
  const limited = limitRequest(limits, reply, operation, bearing, info.peer);
  if (limited) return refuse(limited);
  return current().askOwner(operation, {
    operation: operation.name,
    bearer: session === null ? { kind: 'none' } : { kind: 'jwt', token: session },
    params: { ...params },
    query: {},
    ...(operation.body ? { body } : { body: undefined }),
    request_id: info.request_id,
    traceparent: info.traceparent,
    peer: info.peer,
  });
}

function send(request: FastifyRequest, reply: FastifyReply, { public_url }: PageDeps, answer: PageAnswer): FastifyReply {
  for (const line of answer.cookies ?? []) reply.header('set-cookie', line);
  if (answer.signedOut === true) reply.header('set-cookie', CLEAR_SESSION_COOKIE);
  if ('page' in answer) return sendPage(request, reply, public_url, answer.page);
  if ('leave' in answer) return sendPage(request, reply, public_url, leavePage(answer.leave), true);
  return sendTo(reply, answer.to);
}

function entriesOf(body: unknown): [string, unknown][] {
  return typeof body === 'object' && body !== null ? Object.entries(body) : [];
}
