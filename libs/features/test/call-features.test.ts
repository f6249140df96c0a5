import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classOf } from '../src/call-class.ts';
import { callFeatures } from '../src/call-features.ts';
import { bodyKeys, callbackHosts, destsOf } from '../src/dests.ts';
import { keyedHash } from '../src/keyed-hash.ts';
import { addressedBy, resourceOf } from '../src/resource.ts';
import { shapeOf } from '../src/shape.ts';
import type { FeatureView, Json } from '../src/view.ts';
import { callWords, words } from '../src/words.ts';

const KEY = Buffer.alloc(32, 1);

function view(method: string, pathname: string, body?: Json, query: FeatureView['query'] = []): FeatureView {
  return { method, pathname, query, body };
}

test('methods and last path words give the class', () => {
  const cases: [string, string, string][] = [
    ['GET', '/x', 'read'],
    ['HEAD', '/x', 'read'],
    ['DELETE', '/x', 'delete'],
    ['PUT', '/search', 'write'],
    ['PATCH', '/x', 'write'],
    ['POST', '/', 'write'],
    ['POST', '/repos/acme/sandbox/issues', 'write'],
    ['POST', '/v1/databases/0a1b/query', 'read'],
    ['POST', '/api/conversations.list', 'read'],
    ['POST', '/v1/things:batchGet', 'read'],
    ['POST', '/api/chat.postMessage', 'write'],
    ['POST', '/search/', 'read'],
    ['POST', '/listing', 'write'],
  ];
  for (const [method, path, expected] of cases) assert.equal(classOf(view(method, path)), expected, `${method} ${path}`);
});

test('a GraphQL call writes when its document holds a mutation, or cannot be read', () => {
  const graphql = (body: Json): string => classOf(view('POST', '/graphql', body));
  assert.equal(graphql({ query: '{ viewer { id } }' }), 'read');
  assert.equal(graphql({ query: 'query Q($mutation: String) { mutation: x(a: "mutation { }") { mutation } } # mutation' }), 'read');
  assert.equal(graphql({ query: 'query A { x } mutation B { y }' }), 'write');
  assert.equal(graphql({ query: 'mutation{y}' }), 'write');
  assert.equal(graphql({ query: '{ a(s: """ " } """) { b } } mutation M { y }' }), 'write');
  assert.equal(graphql({ query: '{ x } } mutation' }), 'write');
  assert.equal(graphql({ query: '{ { mutation { y } }' }), 'write');
  assert.equal(graphql([{ query: '{ a }' }, { query: 'mutation { b }' }]), 'write');
  assert.equal(graphql([{ query: '{ a }' }]), 'read');
  assert.equal(graphql({ extensions: { persistedQuery: { sha256Hash: 'x' } } }), 'write');
  assert.equal(classOf(view('POST', '/graphql')), 'write');
});

test('a shape keeps words and replaces what names one thing', () => {
  const cases: [string, string, string][] = [
    ['github', '/repos/acme/sandbox/issues/7/comments', 'repos/{repo}/issues/{n}/comments'],
    ['github', '/repos/acme/sandbox', 'repos/{repo}'],
    ['github', '/repositories/123/issues', 'repositories/{repo}/issues'],
    ['github', '/user', 'user'],
    ['github', '/', ''],
    ['github', '/repos/acme/sandbox/contents/a/b/c/d/e', 'repos/{repo}/contents/a/b/c/{rest}'],
    ['github', '/repos/acme/sandbox/git/commits/6dcb09b5b57875f334f61aebed695e2e4193db5e', 'repos/{repo}/git/commits/{id}'],
    ['gitlab', '/api/v4/projects/acme%2Fsandbox/issues', 'api/v4/projects/{repo}/issues'],
    ['slack', '/api/chat.postMessage', 'api/chat.postMessage'],
    ['stripe', '/v1/customers/cus_NffrFeUfNV2Hib', 'v1/customers/{id}'],
    ['stripe', '/v1/payment_intents', 'v1/payment_intents'],
    ['discord', '/channels/C0123ABCD/messages', 'channels/{id}/messages'],
    ['notion', '/v1/pages/59833787-2cf9-4fdf-8782-e53db20768a5', 'v1/pages/{id}'],
    ['gmail', '/gmail/v1/users/a%40b.com/messages', 'gmail/v1/users/{email}/messages'],
    ['jira', '/rest/api/3/issue/ABC-123', 'rest/api/{n}/issue/{key}'],
    ['custom_x', `/files/${'a'.repeat(65)}`, 'files/{long}'],
    ['custom_x', `/files/${'a'.repeat(64)}`, `files/${'a'.repeat(64)}`],
    ['custom_x', '/%7Brepo%7D/x', '%7Brepo%7D/x'],
  ];
  for (const [service, path, template] of cases) assert.equal(shapeOf(service, 'GET', path), `${service} GET ${template}`, path);
});

test('resources are taken from path, query and body by the grammar of the service', () => {
  const of = (service: string, ...rest: Parameters<typeof view>): string | null => resourceOf(service, view(...rest));
  assert.equal(of('github', 'GET', '/repos/Acme/Sandbox/issues'), 'acme/sandbox');
  assert.equal(of('github', 'GET', '//repos//acme/sandbox'), 'acme/sandbox');
  assert.equal(of('github', 'GET', '/REPOS/acme/sandbox'), 'acme/sandbox');
  assert.equal(of('github', 'GET', '/api/v3/repos/acme/sandbox'), 'acme/sandbox');
  assert.equal(of('github', 'GET', '/user'), null);
  assert.equal(of('github', 'GET', '/repositories/123'), null);
  assert.equal(of('github', 'GET', '/search/issues', undefined, [['q', 'is:open repo:acme/web label:x']]), 'acme/web');
  assert.equal(of('gitlab', 'GET', '/api/v4/projects/acme%2Fsandbox'), 'acme/sandbox');
  assert.equal(of('bitbucket', 'GET', '/2.0/repositories/acme/sandbox'), 'acme/sandbox');
  assert.equal(of('slack', 'POST', '/api/chat.postMessage', { channel: '#Releases' }), 'releases');
  assert.equal(of('slack', 'GET', '/api/conversations.history', undefined, [['channel', 'C0123ABCD']]), null);
  assert.equal(
    resourceOf('slack', view('POST', '/api/chat.postMessage', { channel: 'C0123ABCD' }), () => 'releases'),
    'releases',
  );
  assert.equal(of('jira', 'GET', '/rest/api/3/issue/ABC-123'), 'abc');
  assert.equal(of('jira', 'POST', '/rest/api/3/issue', { fields: { project: { key: 'ABC' } } }), 'abc');
  assert.equal(of('linear', 'POST', '/graphql', { query: 'mutation{x}', variables: { id: 'ENG-7' } }), 'eng');
  assert.equal(of('resend', 'POST', '/emails', { to: ['A <Bob@X.com>'] }), 'bob@x.com');
  assert.equal(of('stripe', 'GET', '/v1/customers/cus_1'), null);
  assert.deepEqual(addressedBy('resend', view('POST', '/emails', { to: 'a@x.com', cc: [{ email: 'b@y.com' }] })), {
    kind: 'recipient',
    names: ['a@x.com', 'b@y.com'],
    unresolved: false,
  });
});

test('recipients of a raw message are read from its folded headers, and not from its body', () => {
  const mime =
    'From: me@x.com\r\nTo: "Bob, B" <bob@y.com>,\r\n carol@z.com\r\nBCC: dave@w.com\r\nSubject: to: no@no.com\r\n\r\nTo: body@no.com\r\n';
  const raw = Buffer.from(mime).toString('base64url');
  const names = ['bob@y.com', 'carol@z.com', 'dave@w.com'];
  assert.deepEqual(addressedBy('gmail', view('POST', '/gmail/v1/users/me/messages/send', { raw }))?.names, names);
  assert.deepEqual(addressedBy('gmail', view('POST', '/gmail/v1/users/me/drafts', { message: { raw } }))?.names, names);
});

test('words are split at case borders and lose what says nothing', () => {
  assert.deepEqual(words('Post the weeklyReleaseDigest2Go for ACME v2, 42 ｆｏｏ x'), [
    'post',
    'weekly',
    'release',
    'digest2',
    'go',
    'acme',
    'foo',
  ]);
  assert.deepEqual(callWords('github', 'repos/{repo}/issues/{n}/comments', 'acme/sandbox'), [
    'repos',
    'issues',
    'comments',
    'acme',
    'sandbox',
  ]);
  assert.deepEqual(callWords('slack', 'api/chat.postMessage', 'releases'), ['chat', 'post', 'message', 'releases']);
  assert.deepEqual(callWords('gmail', 'gmail/v1/users/me/messages/send', null), ['users', 'me', 'messages', 'send']);
  assert.equal(
    callWords('x', Array.from({ length: 40 }, (_, index) => `word${String.fromCharCode(97 + (index % 26))}${index}`).join('/'), null)
      .length,
    24,
  );
});

test('destinations are keyed hashes of service, resource, recipient domains and callback hosts', () => {
  const hash = (text: string): string => keyedHash(KEY, text);
  const hook = view('POST', '/repos/acme/sandbox/hooks', { config: { url: 'https://Evil.example:8443/x', content_type: 'json' } }, [
    ['redirect_uri', 'https://other.example'],
  ]);
  assert.deepEqual(destsOf(KEY, 'github', 'acme/sandbox', hook), [
    hash('github'),
    hash('github:acme/sandbox'),
    hash('other.example'),
    hash('evil.example'),
  ]);
  assert.deepEqual(destsOf(KEY, 'resend', null, view('POST', '/emails', { to: ['a@x.com', 'b@x.com'] })), [hash('resend'), hash('x.com')]);
  const many = view('POST', '/x', { urls: Array.from({ length: 20 }, (_, index) => `https://h${index}.example`) });
  assert.equal(destsOf(KEY, 'custom_x', null, many).length, 8);
  assert.deepEqual(callbackHosts(view('POST', '/x', { note: 'https://not.example', webhook: { endpoint: 'https://[bad' } })), []);
});

test('field names come outermost first, and no values with them', () => {
  assert.deepEqual(bodyKeys({ a: { c: 1 }, b: [{ c: 2, d: 'secret' }] }), ['a', 'b', 'c', 'd']);
  assert.equal(bodyKeys(Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, 1]))).length, 32);
  assert.deepEqual(bodyKeys('text'), []);
  assert.deepEqual(bodyKeys(undefined), []);
});

test('the record of a call holds all of these', () => {
  assert.deepEqual(callFeatures(KEY, 'github', view('PATCH', '/repos/acme/sandbox/issues/7', { state: 'closed' })), {
    class: 'write',
    shape: 'github PATCH repos/{repo}/issues/{n}',
    resource: 'acme/sandbox',
    dests: [keyedHash(KEY, 'github'), keyedHash(KEY, 'github:acme/sandbox')],
    words: ['repos', 'issues', 'acme', 'sandbox'],
    body_keys: ['state'],
  });
});
