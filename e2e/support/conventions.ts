/** What holds for every answer of the platform, whatever was asked (api.md §1.4, §2). */
import assert from 'node:assert/strict';
import { ERRORS, REASONS } from '@sallyport/contracts/errors.ts';
import type { Answer } from './api.ts';

/** Answers in the form of RFC 6749 (api.md §3.6), and pages. */
const OTHER_FORM = /^\/(oauth|v1\/oauth|login|device|sdk-bootstrap)(\/|\?|$)/;
const CACHED = /^\/(v1\/)?\.well-known\/|^\/openapi\.json|^\/assets\//;
/** Statuses that a code has besides the catalogue's (api.md §2). */
const MORE: Partial<Record<string, number[]>> = { MISSION_ENDED: [404] };
/** Carry the text of a revocation. */
const FREE_TEXT = ['PASSPORT_REVOKED'];
/** Reasons of codes that §2.1 has no row for. */
const UNLISTED = ['PASSPORT_EXPIRED'];

export function assertConventions(path: string, { status, headers, body }: Answer): void {
  const what = `${status} ${path.slice(0, 100)}`;
  const requestId = headers.get('x-request-id') ?? '';
  assert.match(requestId, /^req_[0-7][0-9a-hjkmnp-tv-z]{25}$/, `X-Request-Id of ${what}`);
  assert.match(headers.get('traceresponse') ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/, `traceresponse of ${what}`);
  if (status >= 400 || !CACHED.test(path)) assert.equal(headers.get('cache-control'), 'no-store', `Cache-Control of ${what}`);
  assert.equal(headers.get('access-control-allow-origin'), null, what);
  if (path.startsWith('/v1/')) {
    for (const name of ['limit', 'remaining', 'reset'])
      assert.match(headers.get(`ratelimit-${name}`) ?? '', /^\d+$/, `RateLimit-${name} of ${what}`);
  }
  if (status < 400 || OTHER_FORM.test(path) || path.startsWith('/readyz')) return;
  assert.match(headers.get('content-type') ?? '', /^application\/json/, what);
  assertEnvelope(status, body, requestId, what);
  if (status === 429 || status === 503) assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/, `Retry-After of ${what}`);
  if (status === 405) assert.notEqual(headers.get('allow'), null, what);
}

export function assertEnvelope(status: number, body: Answer['body'], requestId: string, what: string): void {
  const told = `${what}: ${JSON.stringify(body).slice(0, 300)}`;
  assert.deepEqual(Object.keys(body), ['error'], told);
  const { code, message, details, metadata, ...rest } = body.error;
  assert.deepEqual(rest, {}, told);
  assert.ok(Object.hasOwn(ERRORS, code), told);
  const known = Object.entries(ERRORS).find(([name]) => name === code)?.[1];
  assert.ok(status === known || MORE[code]?.includes(status), told);
  assert.ok(typeof message === 'string' && message !== '', told);
  assert.deepEqual(details, metadata, told);
  assert.equal(metadata.request_id, requestId, told);
  if (code === 'INVALID_REQUEST') {
    assert.ok(Array.isArray(metadata.fields), told);
    for (const field of metadata.fields) assert.ok(typeof field.path === 'string' && typeof field.rule === 'string', told);
  }
  if (metadata.reason === undefined || FREE_TEXT.includes(code) || UNLISTED.includes(code)) return;
  const reasons: readonly string[] | undefined = Object.entries(REASONS).find(([name]) => name === code)?.[1];
  assert.ok(reasons?.includes(metadata.reason), `a reason of \u00a72.1: ${told}`);
}
