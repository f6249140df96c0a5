import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { constraintPathname, normaliseUrl, parseUrl, targetUrl } from '../src/url.ts';

function normal(text: string): string {
  const result = normaliseUrl(text);
  return result.ok ? result.value.url : `!${result.problem}`;
}

test('spellings of one URL have one normal form', () => {
  assert.equal(normal('HTTPS://API.GitHub.com:443'), 'https://api.github.com/');
  assert.equal(normal('https://api.github.com/a/../b/./c'), 'https://api.github.com/b/c');
  assert.equal(normal('https://api.github.com/a/%2e%2E/b'), 'https://api.github.com/b');
  assert.equal(normal('https://api.github.com/%7eme/%41%2fb'), 'https://api.github.com/~me/A%2Fb');
  assert.equal(normal('https://api.github.com/a?b=c#d'), 'https://api.github.com/a');
  assert.equal(normal('https://bücher.example/'), 'https://xn--bcher-kva.example/');
  assert.equal(normal('http://example.com:8080/x/'), 'http://example.com:8080/x/');
  assert.equal(normal('https://0x7f.1/'), 'https://127.0.0.1/');
  assert.equal(normal('https://api.github.com\\repos\\acme'), 'https://api.github.com/repos/acme');
});

test('a path that some server would read with a dot segment is refused', () => {
  const hiding = {
    'decoded once more': ['..%2fb', '..%2Fb', '%2e%2e%2fb', '..%5cb', '%252e%252e/b', 'x%2f..', '.%2f', '%252e'],
    'decoded more often': ['%252e%252e%252fb', '%25252e%25252e%25252fb', '..%25252fb', `%${'25'.repeat(9)}2e%2e/b`],
    'with parameters': ['..;/b', '..;x=y/b', '.;/b', '..%3b/b', '%2e%2e;/b', '..%253bx/b'],
    'without blanks and control characters': ['.%00./b', '..%00/b', '..%20/b', '.. /b', '%20../b', '..%09/b', '.%0d%0a./b', '..%7f/b'],
    'in other spellings': [
      '%c0%ae%c0%ae/b',
      '..%c0%afb',
      '..%c1%9cb',
      '%e0%80%ae./b',
      '\uff0e\uff0e/b',
      '%ef%bc%8e%ef%bc%8e/b',
      '\u2025/b',
    ],
  };
  for (const [how, paths] of Object.entries(hiding))
    for (const path of paths) assert.equal(normal(`https://api.github.com/a/${path}`), '!dot_segment', `${how}: ${path}`);
  for (const path of ['..b/c..', '...', 'a;v=1/b', 'a%20b', 'a%2Fb', '%25', '%252F', 'caf%C3%A9', 'caf%E9', 'a..;/b', '%E2%80%A6'])
    assert.equal(normal(`https://api.github.com/a/${path}`), `https://api.github.com/a/${path}`);
});

test('what is no absolute http URL is refused with its cause', () => {
  assert.equal(normal('/repos'), '!relative');
  assert.equal(normal('//api.github.com/x'), '!relative');
  assert.equal(normal('https:api.github.com'), '!relative');
  assert.equal(normal('ftp://api.github.com/'), '!scheme');
  assert.equal(normal('file:///etc/passwd'), '!scheme');
  assert.equal(normal('https://user@api.github.com/'), '!userinfo');
  assert.equal(normal('https://:pw@api.github.com/'), '!userinfo');
  assert.equal(normal('https://a b/'), '!malformed');
  assert.equal(normal('https://api.github.com/%zz'), '!malformed');
  assert.equal(normal('https://api.github.com/%'), '!malformed');
  assert.equal(normal(`https://api.github.com/${'a'.repeat(8192)}`), '!too_long');
});

test('the parts say scheme, host, port and query in the caller’s order', () => {
  const result = normaliseUrl('http://EXAMPLE.com:81/p?b=2&a=1+x&b=%201');
  assert.ok(result.ok);
  assert.deepEqual(result.value, {
    url: 'http://example.com:81/p',
    origin: 'http://example.com:81',
    scheme: 'http',
    host: 'example.com',
    port: 81,
    pathname: '/p',
    query: [
      ['b', '2'],
      ['a', '1 x'],
      ['b', ' 1'],
    ],
  });
  assert.equal(targetUrl(result.value, result.value.query), 'http://example.com:81/p?b=2&a=1%20x&b=%201');
  assert.equal(targetUrl(result.value, []), 'http://example.com:81/p');
});

test('constraints see a path without its trailing slash', () => {
  assert.equal(constraintPathname('/a/'), '/a');
  assert.equal(constraintPathname('/'), '/');
  assert.equal(constraintPathname('/a'), '/a');
});

test('normalising is idempotent and never leaves a dot segment', () => {
  const piece = fc.constantFrom('a', '.', '..', '%2e', '%2E%2e', '%41', '%2f', '%25', '/', '\\', '%5c', '%c3%a9', 'é', ';', ' ');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const first = normaliseUrl(`https://h.example/${pieces.join('')}`);
      if (!first.ok) return;
      assert.equal(normal(first.value.url), first.value.url);
      assert.ok(
        !decodeURIComponent(first.value.pathname)
          .split(/[/\\]/)
          .some((segment) => segment === '.' || segment === '..'),
      );
    }),
    { numRuns: 2000 },
  );
});

test('a plain URL has the normal form that the parser gives it', () => {
  const label = fc.stringMatching(/^[a-z0-9-]{1,6}$/);
  const host = fc.array(fc.oneof(label, fc.constantFrom('xn--bcher-kva', '0x7f', '127', 'com')), { minLength: 1, maxLength: 4 });
  const path = fc.string({
    unit: fc.constantFrom(...'/az09._~-!$&\'()*+,;=:@%\\?# |^"<>`{}[]é'.split(''), '/../', '/./', '/..', '%2e'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      fc.constantFrom('https://', 'http://', 'HTTPS://'),
      host,
      fc.constantFrom('', ':443', ':80', '.'),
      path,
      (scheme, labels, port, rest) => {
        const text = `${scheme}${labels.join('.')}${port}/${rest}`;
        assert.deepEqual(normaliseUrl(text), parseUrl(text), text);
      },
    ),
    { numRuns: 5_000 },
  );
});
