import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anchorsOf } from '../src/anchors.ts';
import { boundResource, boundResources, narrowResources } from '../src/bound-resources.ts';
import type { FeatureView, Json } from '../src/view.ts';

const NONE = { repo: [], channel: [], project: [], recipient: [] };

test('each kind of anchor is taken from the summary', () => {
  assert.deepEqual(anchorsOf('Triage open issues in acme/sandbox'), { ...NONE, repo: ['acme/sandbox'] });
  assert.deepEqual(anchorsOf('Post the weekly release digest for Acme/web to #releases.'), {
    ...NONE,
    repo: ['acme/web'],
    channel: ['releases'],
  });
  assert.deepEqual(anchorsOf('Fix ABC-123 and ABC-124, then mail Bob.Smith@x.example.com.'), {
    ...NONE,
    project: ['abc'],
    recipient: ['bob.smith@x.example.com'],
  });
  assert.deepEqual(anchorsOf('Review https://github.com/acme/web/pull/7 and (acme/api.git), "vercel/next.js".').repo, [
    'acme/web',
    'acme/api',
    'vercel/next.js',
  ]);
  assert.deepEqual(anchorsOf(''), NONE);
});

test('ordinary pairs of words, paths, dates and standards are no anchors', () => {
  const none = [
    'Read and/or write',
    'read/write access',
    'close issues/PRs',
    'open/close pull requests/reviews',
    'on 2026/06 or 24/7',
    'n/a w/o I/O',
    'CI/CD for the client/server',
    'edit src/index and docs/readme.md',
    'a/b/c paths, ./x/y, ../up/x',
    'see https://example.com/acme/other',
    'issue #123 and C#, F#',
    'UTF-8, SHA-256, ISO-8601, GPT-4, CVE-2026',
    'tickets X-ABC-12-3',
    'release/deploy the labelled builds/tags',
    'user@host',
  ];
  for (const summary of none) assert.deepEqual({ ...anchorsOf(summary), recipient: [] }, NONE, summary);
});

function view(pathname: string, body?: Json): FeatureView {
  return { method: body === undefined ? 'GET' : 'POST', pathname, query: [], body };
}

test('a bound repository lets its own calls and calls without repository pass, and no other', () => {
  const bound = boundResources('github', anchorsOf('Triage open issues in acme/sandbox'));
  assert.deepEqual(bound, ['acme/sandbox']);
  const verdict = (path: string): string => boundResource('github', bound, view(path));
  assert.equal(verdict('/repos/acme/sandbox/issues'), 'inside');
  assert.equal(verdict('/repos/ACME/Sandbox/issues'), 'inside');
  assert.equal(verdict('/user'), 'unbound');
  assert.equal(verdict('/repos/acme/marketing/issues'), 'outside');
  assert.equal(verdict('//repos//acme/marketing'), 'outside');
  assert.equal(verdict('/repos/acme/sandbox2'), 'outside');
  assert.equal(verdict('/repositories/123'), 'unresolved');
  assert.equal(
    boundResource('github', bound, view('/repositories/123'), () => 'Acme/Sandbox'),
    'inside',
  );
  assert.equal(
    boundResource('github', bound, view('/repositories/123'), () => 'acme/marketing'),
    'outside',
  );
  assert.equal(boundResource('github', [], view('/repos/acme/marketing')), 'unbound');
});

test('a channel named in the summary does not bind another service', () => {
  const anchors = anchorsOf('Post the digest for acme/web to #releases');
  assert.deepEqual(boundResources('slack', anchors), ['releases']);
  assert.deepEqual(boundResources('stripe', anchors), []);
  assert.equal(boundResource('slack', ['releases'], view('/api/chat.postMessage', { channel: '#random' })), 'outside');
  assert.equal(boundResource('slack', ['releases'], view('/api/chat.postMessage', { channel: '#releases' })), 'inside');
  assert.equal(boundResource('slack', ['releases'], view('/api/x', { channels: '#releases,#random' })), 'outside');
});

test('a call that addresses something bound and something else is outside', () => {
  const mail = view('/emails', { to: ['bob@x.com'], bcc: 'eve@y.com' });
  assert.equal(boundResource('resend', ['bob@x.com'], mail), 'outside');
  assert.equal(boundResource('resend', ['bob@x.com', 'eve@y.com'], mail), 'inside');
});

test('a child’s anchors only narrow its parent’s', () => {
  assert.deepEqual(narrowResources(['a/x', 'a/y'], ['a/y', 'a/z']), ['a/y']);
  assert.deepEqual(narrowResources(['a/x'], []), ['a/x']);
  assert.deepEqual(narrowResources([], ['a/z']), ['a/z']);
  assert.deepEqual(narrowResources(['a/x'], ['a/z']), ['a/x']);
});
