import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { createMetrics } from '@sallyport/service-kit/metrics.ts';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { createKnownPaths } from '../../src/http/not-found.ts';
import { createLimits } from '../../src/http/rate-limits.ts';
import { createServer } from '../../src/http/server.ts';
import { MARK_PATH, STYLE_PATH } from '../../src/pages/assets.ts';
import { addPages } from '../../src/pages/pages.ts';
import { createSignals } from '../../src/signals.ts';

const HERE = 'http://127.0.0.1:8787';
const SESSION = '__Host-sallyport_session=eyJhbGciOiJFZERTQSJ9.eyJhdWQiOiJzdGFjazpzZXNzaW9uIn0.AAAA';
const BOOTSTRAP = '/sdk-bootstrap?agent_id=agt_01kt16jnjge4ma4jz41b93y214&state=s&machine=m&process=p&callback=';
const GOOD = encodeURIComponent('http://127.0.0.1:5000/cb');

/** A gateway between two boots: everything before the bus works, nothing behind it does. */
let app: FastifyInstance;
before(async () => {
  const paths = createKnownPaths();
  app = createServer(createSignals(createLog('test', { level: 'silent' }), createMetrics('test')), paths, createLimits({ off: true }));
  const current = (): never => {
    throw new LedgerUnavailable('between two boots');
  };
  addPages(app, { limits: createLimits({ off: true }), current, public_url: HERE }, paths);
});
after(() => app.close());

const get = (url: string, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
  app.inject({ method: 'GET', url, headers });
const post = (url: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
  app.inject({
    method: 'POST',
    url,
    headers: { origin: HERE, 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: new URLSearchParams(form).toString(),
  });

test('given any page, then it runs no script, stands in no frame and no cache, and asks nothing of strangers', async () => {
  for (const url of ['/login', '/login?token=x', '/login/sent', `${BOOTSTRAP}evil`, '/oauth/consent', '/oauth/consent?request=x']) {
    const { headers, body } = await get(url, { 'sec-fetch-site': 'cross-site' });
    const policy = String(headers['content-security-policy']).split('; ');
    for (const rule of ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"])
      assert.ok(policy.includes(rule), url);
    assert.ok(!policy.some((rule) => rule.startsWith('script-src')), url);
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['referrer-policy'], 'same-origin');
    assert.match(body, /^<!doctype html>\n<html lang="en">/);
    assert.match(body, /<title>[^<]+ · Sallyport<\/title>/);
    assert.equal(body.match(/<h1>/g)?.length, 1, url);
    assert.doesNotMatch(body, /<script|javascript:| on[a-z]+=|style=|https?:\/\/(?!127\.0\.0\.1)/, url);
  }
});

test('given sheet and mark, then they are kept for ever under the name of their bytes', async () => {
  for (const url of [STYLE_PATH, MARK_PATH]) {
    const { statusCode, headers } = await get(url);
    assert.equal(statusCode, 200);
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
  }
});

test('given a callback off this machine, then the page refuses before anybody is asked, and does not lead there', async () => {
  for (const callback of ['https://evil.example/cb', 'http://localhost:5000/cb', 'http://127.0.0.1:5000@evil.example/']) {
    const answer = await get(BOOTSTRAP + encodeURIComponent(callback), { cookie: SESSION });
    assert.equal(answer.statusCode, 400);
    assert.doesNotMatch(answer.body, /evil\.example|localhost|<form|<a /);
    const form = { agent_id: 'agt_01kt16jnjge4ma4jz41b93y214', state: 's', machine: '', process: '', callback, decision: 'approve' };
    assert.equal((await post('/sdk-bootstrap', form, { cookie: SESSION })).statusCode, 400);
  }
  assert.equal((await get(`${BOOTSTRAP}${GOOD}&callback=${GOOD}`, { cookie: SESSION })).statusCode, 400);
});

test('given nobody who is signed in, then the way leads over the sign-in and back', async () => {
  for (const url of [BOOTSTRAP + GOOD, '/oauth/consent?request=abc', '/device', '/device?user_code=BCDF-GHJK', '/me']) {
    const { statusCode, headers } = await get(url);
    assert.equal(statusCode, 303, url);
    const location = new URL(String(headers.location), HERE);
    assert.equal(location.pathname, '/login');
    assert.equal(location.origin, HERE);
    const next = new URL(location.searchParams.get('next') ?? '', HERE);
    assert.equal(next.pathname, new URL(url, HERE).pathname);
  }
});

test('given a visitor from another site, whose browser holds its cookie back, then the page asks once more from here', async () => {
  const { statusCode, body } = await get('/me', { 'sec-fetch-site': 'cross-site' });
  assert.equal(statusCode, 200);
  assert.match(body, /<meta http-equiv="refresh" content="0;url=\/me">/);
});

test('given a form from another origin, or from none, then it is refused and says what to do', async () => {
  for (const url of ['/login', '/login/link', '/logout', '/oauth/consent', '/device', '/sdk-bootstrap']) {
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:5000', 'http://127.0.0.1.evil.example', '']) {
      const { statusCode, body } = await post(url, { decision: 'approve' }, { origin, cookie: SESSION });
      assert.equal(statusCode, 403, `${url} ${origin}`);
      assert.match(body, /came from somewhere else/);
    }
    const without = await app.inject({
      method: 'POST',
      url,
      headers: { cookie: SESSION, 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'a=b',
    });
    assert.equal(without.statusCode, 403, url);
  }
});

test('given a body that is no form, a huge one or one with a name twice, then a page says so', async () => {
  const sent = async (payload: string, type = 'application/x-www-form-urlencoded'): Promise<number> =>
    (await app.inject({ method: 'POST', url: '/login', headers: { origin: HERE, 'content-type': type }, payload })).statusCode;
  assert.equal(await sent('{"token":"x"}', 'application/json'), 415);
  assert.equal(await sent('token=a&token=b'), 400);
  assert.equal(await sent('token=%ff'), 400);
  assert.equal(await sent(`token=${'a'.repeat(40_000)}`), 413);
});

test('given an outage behind the page, then a page says so with the request it was', async () => {
  const { statusCode, headers, body } = await get('/me', { cookie: SESSION });
  assert.equal(statusCode, 503);
  assert.match(String(headers['content-type']), /^text\/html/);
  assert.match(body, /try again in a moment/);
  assert.ok(body.includes(String(headers['x-request-id'])));
  assert.doesNotMatch(body, /between two boots|\.ts:/);
});

test('given a place to go on to, then only one of this origin is kept while the person looks in the mail', async () => {
  const kept = await get('/login?next=%2Fdevice');
  assert.match(
    String(kept.headers['set-cookie']),
    /^__Host-sallyport_next=[\w-]+; Max-Age=900; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  );
  for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
    const answer = await get(`/login?next=${encodeURIComponent(next)}`);
    assert.equal(answer.headers['set-cookie'], undefined, next);
    assert.doesNotMatch(answer.body, /evil|javascript/);
  }
});
