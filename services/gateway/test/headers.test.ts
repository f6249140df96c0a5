import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outgoingHeaders, requestHeaders, responseHeaders } from '../src/proxy/headers.ts';

function passed(given: Record<string, string>): Record<string, string> {
  const read = requestHeaders(given);
  assert.ok(read.ok);
  return Object.fromEntries(read.headers);
}

const connection = { inject: { Authorization: 'Bearer real' }, drop: ['stripe-account'], defaults: { 'notion-version': '2022-06-28' } };

test("given headers that would steer or impersonate, none of them reaches the upstream's request", () => {
  const dropped = {
    Authorization: 'Bearer x',
    Cookie: 'a=b',
    Host: 'evil',
    'Content-Length': '3',
    'X-Passport-Token': 't',
    'X-Agent-Token': 't',
    'X-Intent-Approval-Id': 'i',
    'X-STACK-Authority-Request-Id': 'q',
    'X-Stack-Anything': 'q',
    Forwarded: 'for=1',
    'X-Forwarded-For': '1',
    'X-Forwarded-Host': 'h',
    'Proxy-Authorization': 'p',
    'X-HTTP-Method-Override': 'DELETE',
    'X-HTTP-Method': 'DELETE',
    'X-Method-Override': 'DELETE',
    'X-Original-URL': '/admin',
    'X-Rewrite-URL': '/admin',
    X_HTTP_Method_Override: 'DELETE',
    X_Forwarded_For: '1',
    Proxy_Authorization: 'p',
    'HTTP2-Settings': 'AAA',
    Expect: '100-continue',
    Connection: 'close, X-Secret-Hop',
    'X-Secret-Hop': '1',
    'Keep-Alive': 'x',
    TE: 'trailers',
    Trailer: 'x',
    'Transfer-Encoding': 'chunked',
    Upgrade: 'websocket',
    traceparent: '00-1',
  };
  assert.deepEqual(passed({ ...dropped, Accept: 'application/json', 'X-Custom': ' v ' }), { accept: 'application/json', 'x-custom': 'v' });
});

test('given a header that is none, the request is refused and the header named', () => {
  for (const given of [{ 'bad name': 'x' }, { ok: 'a\r\nInjected: 1' }, { ok: 'a\u0000' }, { ok: 'snow\u2603' }, { A: '1', a: '2' }])
    assert.equal(requestHeaders(given).ok, false);
});

test("given what a connection injects, it wins over the caller's", () => {
  const headers = outgoingHeaders(
    [
      ['x-a', '1'],
      ['stripe-account', 'acct_evil'],
      ['stripe_account', 'acct_evil'],
      ['user-agent', 'mine'],
      ['notion-version', 'theirs'],
    ],
    { host: 'api.github.com', content_type: 'application/json', connection },
  );
  assert.deepEqual(headers, {
    host: 'api.github.com',
    'user-agent': 'mine',
    'notion-version': 'theirs',
    'x-a': '1',
    'content-type': 'application/json',
    'accept-encoding': 'gzip, deflate, br',
    authorization: 'Bearer real',
  });
  assert.equal(outgoingHeaders([], { host: 'h', content_type: null, connection })['user-agent'], 'Sallyport/1');
});

test('given an upstream answer, cookies, hop-by-hop headers and lengths are missing and repeated headers are joined', () => {
  const shown = responseHeaders({
    'Content-Type': 'text/plain',
    'set-cookie': ['a=b', 'c=d'],
    connection: 'close, x-hop',
    'x-hop': '1',
    'content-length': '7',
    'content-encoding': 'gzip',
    'alt-svc': 'h3',
    'proxy-authenticate': 'x',
    vary: ['a', 'b'],
    location: 'https://elsewhere',
  });
  assert.deepEqual(shown, { 'content-type': 'text/plain', vary: 'a, b', location: 'https://elsewhere' });
});
