/**
 * Pages as responses. The headers are those of a page that decides about credentials: nothing foreign, no script, in nobody's frame, in no cache.
 * `Referrer-Policy` is `same-origin`, not `no-referrer`: under the latter a browser sends `Origin: null` with our own forms, and the check of the origin
 * (api.md §3.1) would refuse them.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { documentOf, type Page } from './layout.ts';

const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
] as const;

/**
 * Keeps the page that hands an answer to a client's listener in an origin of its own. Cookies know no ports: a plain redirect from 127.0.0.1:8787 to
 * 127.0.0.1:<other> would give the session to whoever listens there. From here the browser leaves as from a foreign site, and SameSite=Strict holds.
 * `allow-scripts` lets the refresh work; there is no script, and the policy runs none.
 */
const SANDBOX = 'sandbox allow-scripts';

const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};

export function sendPage(request: FastifyRequest, reply: FastifyReply, publicUrl: string | null, page: Page, leaves = false): FastifyReply {
  const host = publicUrl === null ? null : new URL(publicUrl).host;
  reply.headers(HEADERS).header('content-security-policy', [...POLICY, ...(leaves ? [SANDBOX] : [])].join('; '));
  if (leaves) reply.header('referrer-policy', 'no-referrer');
  return reply
    .code(page.status ?? 200)
    .type('text/html; charset=utf-8')
    .send(documentOf(page, { host, request_id: request.info.request_id }));
}

/** Only to paths of this origin; a client's callback is reached by `sendPage` with `leaves`. */
export function sendTo(reply: FastifyReply, path: `/${string}`): FastifyReply {
  return reply.headers(HEADERS).redirect(path, 303);
}
