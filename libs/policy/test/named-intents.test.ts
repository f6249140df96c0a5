import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CatalogueError, loadCatalogue } from '../src/catalogue.ts';
import { firstFailing } from '../src/constraint.ts';
import type { Json } from '../src/json.ts';
import { expand, findNamedIntent, fitsNamedIntent, isReadIntent, listNamedIntents } from '../src/named-intents.ts';
import { normaliseUrl } from '../src/url.ts';
import { type CallView, callView } from '../src/view.ts';

function view(method: string, target: string, body?: Json): CallView {
  const url = normaliseUrl(target);
  assert.ok(url.ok);
  return callView({
    method,
    url: url.value,
    query: [],
    headers: [],
    body: body === undefined ? { kind: 'absent' } : { kind: 'json', value: body },
  });
}

const API = 'https://api.github.com/repos/acme/sand.box';
const REPO = { owner: 'acme', repo: 'sand.box' };

function allows(name: string, params: object, on: CallView): boolean {
  const expansion = expand({ name, params });
  assert.ok(expansion.ok, name);
  return firstFailing(expansion.constraints, on) === null;
}

test('the published Slack intent expands as published, by either spelling', () => {
  const expected = [
    { path: 'url.pathname', op: 'eq', value: '/api/chat.postMessage' },
    { path: 'body.channel', op: 'in', value: ['C0123', 'C0456'] },
  ];
  for (const name of ['slack.post_to_channel', 'slack:messages:create']) {
    const expansion = expand({ name, params: { channel: ['C0123', 'C0456'] } });
    assert.ok(expansion.ok);
    assert.deepEqual(expansion.constraints, expected);
  }
});

test('the page’s GitHub intent escapes its parameters', () => {
  const expansion = expand({ name: 'github.update_issue', params: REPO });
  assert.ok(expansion.ok);
  assert.deepEqual(expansion.constraints, [
    { path: 'method', op: 'eq', value: 'PATCH' },
    { path: 'url.pathname', op: 'matches', value: '^/repos/acme/sand\\.box/issues/[0-9]+$' },
  ]);
  assert.equal(allows('github.update_issue', REPO, view('PATCH', `${API}/issues/7`)), true);
  assert.equal(allows('github.update_issue', REPO, view('PATCH', 'https://api.github.com/repos/acme/sandxbox/issues/7')), false);
});

const FITS: [name: string, params: object, method: string, path: string, body?: Json][] = [
  ['list_issues', REPO, 'GET', '/issues?state=open'],
  ['get_issue', REPO, 'GET', '/issues/7'],
  ['create_issue', REPO, 'POST', '/issues', { title: 'x' }],
  ['comment_on_issue', REPO, 'POST', '/issues/7/comments', { body: 'x' }],
  ['add_labels', REPO, 'POST', '/issues/7/labels', { labels: ['bug'] }],
  ['list_pull_requests', REPO, 'GET', '/pulls'],
  ['get_pull_request', REPO, 'GET', '/pulls/8'],
  ['create_pull_request', { ...REPO, base: ['main'] }, 'POST', '/pulls', { base: 'main' }],
  ['review_pull_request', { ...REPO, event: ['COMMENT'] }, 'POST', '/pulls/8/reviews', { event: 'COMMENT' }],
  ['merge_pull_request', REPO, 'PUT', '/pulls/8/merge'],
  ['read_contents', REPO, 'GET', '/contents'],
  ['read_contents', { ...REPO, prefix: 'docs/' }, 'GET', '/contents/docs/a.md'],
  ['write_contents', { ...REPO, prefix: 'docs/', branch: ['bot'] }, 'PUT', '/contents/docs/a.md', { branch: 'bot' }],
  ['create_release', REPO, 'POST', '/releases'],
  ['dispatch_workflow', { ...REPO, workflow: 'ci.yml', ref: ['main'] }, 'POST', '/actions/workflows/ci.yml/dispatches', { ref: 'main' }],
];

for (const [name, params, method, path, body] of FITS) {
  test(`github.${name} allows ${method} ${path} and neither another method, path nor repository`, () => {
    const full = `github.${name}`;
    assert.equal(allows(full, params, view(method, API + path, body)), true);
    assert.equal(allows(full, params, view('DELETE', API + path, body)), false);
    assert.equal(allows(full, params, view(method, `${API}x${path}`, body)), false);
    assert.equal(allows(full, params, view(method, `${API}/hooks`, body)), false);
    const intent = findNamedIntent(full);
    assert.ok(intent !== null);
    assert.equal(fitsNamedIntent(intent, view(method, API + path, body)), true);
    assert.equal(fitsNamedIntent(intent, view('DELETE', API + path, body)), false);
  });
}

test('an optional parameter restricts only when it is given', () => {
  const open = view('POST', `${API}/pulls`, { base: 'release' });
  assert.equal(allows('github.create_pull_request', REPO, open), true);
  assert.equal(allows('github.create_pull_request', { ...REPO, base: ['main'] }, open), false);
  assert.equal(allows('github.create_pull_request', { ...REPO, base: ['main'] }, view('POST', `${API}/pulls`, {})), false);
  assert.equal(allows('github.read_contents', { ...REPO, prefix: 'docs/' }, view('GET', `${API}/contents/docs/../src/a`)), false);
});

test('the channel of a Slack call is held where Slack reads it', () => {
  const history = 'https://slack.com/api/conversations.history?channel=';
  assert.equal(allows('slack.read_channel', { channel: ['C1'] }, view('GET', `${history}C1`)), true);
  assert.equal(allows('slack.read_channel', { channel: ['C1'] }, view('GET', `${history}C1&channel=C2`)), false);
  assert.equal(
    allows('slack.add_reaction', { channel: ['C1'] }, view('POST', 'https://slack.com/api/reactions.add', { channel: 'C2' })),
    false,
  );
});

test('a bad reference is refused with its place', () => {
  const refused = (reference: unknown): string => {
    const expansion = expand(reference);
    return expansion.ok ? 'ok' : `${expansion.problem.path}:${expansion.problem.rule}`;
  };
  assert.equal(refused(null), ':object');
  assert.equal(refused({ name: 'github.nothing' }), 'name:unknown_intent');
  assert.equal(refused({ name: 'constructor' }), 'name:unknown_intent');
  assert.equal(refused({ name: 'github.list_issues', parms: {} }), 'parms:unknown_field');
  assert.equal(refused({ name: 'github.list_issues' }), 'params.owner:required');
  assert.equal(refused({ name: 'github.list_issues', params: [] }), 'params:object');
  assert.equal(refused({ name: 'github.list_issues', params: { owner: 'acme' } }), 'params.repo:required');
  assert.equal(refused({ name: 'github.list_issues', params: { ...REPO, branch: 'x' } }), 'params.branch:unknown_param');
  for (const owner of ['a/b', '', 7, 'a'.repeat(40), '.*', 'a\n'])
    assert.equal(refused({ name: 'github.list_issues', params: { ...REPO, owner } }), 'params.owner:param');
  assert.equal(refused({ name: 'github.read_contents', params: { ...REPO, prefix: 'a?b' } }), 'params.prefix:param');
  for (const channel of ['C1', [], Array(257).fill('C1'), [1], ['a b']]) {
    assert.equal(refused({ name: 'slack.post_to_channel', params: { channel } }), 'params.channel:param');
  }
});

test('a call that only reads is recognised, and one that writes is not', () => {
  assert.equal(isReadIntent('github', view('GET', `${API}/issues`)), true);
  assert.equal(isReadIntent('github', view('POST', `${API}/issues`)), false);
  assert.equal(isReadIntent('github', view('GET', `${API}/hooks`)), false);
  assert.equal(isReadIntent('slack', view('GET', `${API}/issues`)), false);
  assert.equal(isReadIntent('slack', view('POST', 'https://slack.com/api/chat.postMessage', { channel: 'C1' })), false);
});

test('the catalogue is listed as the page shows it', () => {
  assert.equal(listNamedIntents().length, 24);
  assert.equal(listNamedIntents('github').length, 16);
  assert.equal(listNamedIntents('slack').length, 8);
  assert.equal(listNamedIntents('none').length, 0);
  assert.deepEqual(
    listNamedIntents('github').find(({ name }) => name === 'github.update_issue'),
    {
      name: 'github.update_issue',
      alias: 'github:issues:update',
      service: 'github',
      effect: 'write',
      description: 'Change title, body, state or labels of one issue',
      params: { type: 'object', properties: { owner: { type: 'string' }, repo: { type: 'string' } }, required: ['owner', 'repo'] },
    },
  );
});

test('a bad catalogue file stops the start', () => {
  const params = {
    type: 'object',
    properties: {
      x: { type: 'string', maxLength: 9 },
      l: { type: 'array', items: { type: 'string', maxLength: 9 }, minItems: 1, maxItems: 9 },
    },
    required: ['x'],
    additionalProperties: false,
  };
  const intent = {
    name: 'demo.do_it',
    alias: 'demo:it:do',
    effect: 'read',
    description: 'd',
    params,
    expand: [{ path: 'method', op: 'eq', value: '{x}' }],
  };
  const load = (over: object, file: object = {}): unknown =>
    loadCatalogue([{ service: 'demo', version: 1, named_intents: [{ ...intent, ...over }], ...file }]);
  assert.doesNotThrow(() => load({}));
  const bad: object[] = [
    { name: 'other.do_it' },
    { alias: 'demo:do' },
    { effect: 'none' },
    { description: '' },
    { expand: [] },
    { expand: [{ path: 'nowhere', op: 'eq', value: 'x' }] },
    { expand: [{ path: 'method', op: 'is', value: 'x' }] },
    { expand: [{ path: 'method', op: 'eq', value: '{y}' }] },
    { expand: [{ path: 'method', op: 'eq', value: '{l}' }] },
    { expand: [{ path: 'method', op: 'matches', value: '^{x}$' }] },
    { expand: [{ path: 'method', op: 'eq', value: '{x|re}' }] },
    { expand: [{ path: 'method', op: 'matches', value: '(' }] },
    { expand: [{ path: 'method', op: 'in', value: { $param: 'y' } }] },
    { expand: [{ path: 'method', op: 'eq', value: 'x', note: 1 }] },
    { params: { ...params, additionalProperties: true } },
    { params: { ...params, required: ['z'] } },
    { params: { ...params, properties: { x: { type: 'string' } } } },
    { params: { ...params, properties: { x: { type: 'string', pattern: '(?=a)' } } } },
  ];
  for (const over of bad) assert.throws(() => load(over), CatalogueError, JSON.stringify(over));
  assert.throws(() => load({}, { version: 2 }), CatalogueError);
  assert.throws(() => load({}, { named_intents: [intent, intent] }), CatalogueError);
  assert.throws(() => loadCatalogue([null]), CatalogueError);
});
