import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  anyOfPasses,
  approvalSetMatches,
  checkConstraints,
  type Constraint,
  evaluate,
  firstFailing,
  parseAnyOf,
  parseConstraints,
} from '../src/constraint.ts';
import type { Json } from '../src/json.ts';
import { normaliseUrl } from '../src/url.ts';
import { type CallView, callView, parsePath, valuesAt } from '../src/view.ts';

const BODY: Json = {
  state: 'closed',
  amount: 5,
  draft: false,
  note: null,
  labels: ['bug', 'p1'],
  none: [],
  'a.b': { 'c*': 'dotted' },
  '*': 'star',
  items: [{ id: 'x1' }, { id: 'x2' }],
  owner: { login: 'octo' },
};

function view(over: { target?: string; body?: Json | undefined; method?: string } = {}): CallView {
  const url = normaliseUrl(over.target ?? 'https://API.github.com:8443/repos/acme/sandbox/issues/7/?state=open&tag=a1&tag=a2');
  assert.ok(url.ok);
  const body = 'body' in over ? over.body : BODY;
  return callView({
    method: over.method ?? 'patch',
    url: url.value,
    query: [['extra', '1']],
    headers: [['X-GitHub-Api-Version', '2022-11-28']],
    body: body === undefined ? { kind: 'absent' } : { kind: 'json', value: body },
  });
}

function passes(path: string, op: string, value: unknown, on: CallView = view()): boolean {
  const parsed = parseConstraints([{ path, op, value }]);
  assert.ok(parsed.ok, `${path} ${op} is a good rule`);
  const [constraint] = parsed.constraints;
  assert.ok(constraint !== undefined);
  return evaluate(constraint, on);
}

const STRINGS: [path: string, actual: string][] = [
  ['method', 'PATCH'],
  ['url.pathname', '/repos/acme/sandbox/issues/7'],
  ['url.host', 'api.github.com'],
  ['url.origin', 'https://api.github.com:8443'],
  ['headers.x-github-api-version', '2022-11-28'],
  ['query.state', 'open'],
  ['query.extra', '1'],
  ['body.state', 'closed'],
  ['body.labels.1', 'p1'],
  ['body.a\\.b.c*', 'dotted'],
  ['body.\\*', 'star'],
  ['body.owner.login', 'octo'],
];

for (const [path, actual] of STRINGS) {
  test(`each operator passes and fails on ${path}`, () => {
    assert.equal(passes(path, 'eq', actual), true);
    assert.equal(passes(path, 'eq', `${actual}x`), false);
    assert.equal(passes(path, 'not_eq', `${actual}x`), true);
    assert.equal(passes(path, 'not_eq', actual), false);
    assert.equal(passes(path, 'in', ['other', actual]), true);
    assert.equal(passes(path, 'in', ['other']), false);
    assert.equal(passes(path, 'not_in', ['other']), true);
    assert.equal(passes(path, 'not_in', ['other', actual]), false);
    assert.equal(passes(path, 'starts_with', actual.slice(0, 1)), true);
    assert.equal(passes(path, 'starts_with', `${actual}x`), false);
    assert.equal(passes(path, 'matches', `.${actual.slice(1, 2).replace(/[^a-z0-9]/i, '.')}`), true);
    assert.equal(passes(path, 'matches', '^nothing like it$'), false);
  });
}

test('every value of a repeated query key and every element of a list must pass', () => {
  assert.equal(passes('query.tag', 'starts_with', 'a'), true);
  assert.equal(passes('query.tag', 'eq', 'a1'), false);
  assert.equal(passes('query.tag', 'not_eq', 'a2'), false);
  assert.equal(passes('body.items.*.id', 'matches', '^x[0-9]$'), true);
  assert.equal(passes('body.items.*.id', 'eq', 'x1'), false);
  assert.equal(passes('body.items.1.id', 'eq', 'x2'), true);
  assert.equal(passes('body.labels.*', 'in', ['bug', 'p1']), true);
  assert.equal(passes('body.labels.*', 'in', ['bug']), false);
});

test('what is absent fails for all six operators', () => {
  const rules: [string, unknown][] = [
    ['eq', null],
    ['not_eq', 'x'],
    ['in', [null, 'x']],
    ['not_in', ['x']],
    ['matches', ''],
    ['starts_with', ''],
  ];
  const absent = [
    'headers.x-none',
    'query.none',
    'body.none.*',
    'body.gone',
    'body.labels.2',
    'body.labels.-1',
    'body.state.x',
    'body.owner.*',
  ];
  absent.push('body.constructor', 'body.__proto__', 'body.labels.length', 'body.items.*.gone', 'body.toString.name');
  for (const path of absent) {
    for (const [op, value] of rules) assert.equal(passes(path, op, value), false, `${path} ${op}`);
  }
  for (const [op, value] of rules) assert.equal(passes('body.state', op, value, view({ body: undefined })), false, `no body, ${op}`);
});

test('a body path never reaches a prototype', () => {
  for (const text of ['body.constructor', 'body.__proto__', 'body.owner.hasOwnProperty']) {
    const path = parsePath(text);
    assert.ok(path !== null);
    assert.deepEqual(valuesAt(view(), path), [undefined], text);
  }
});

test('nothing is coerced, and a value of another type does not pass as different', () => {
  assert.equal(passes('body.amount', 'eq', 5), true);
  assert.equal(passes('body.amount', 'eq', '5'), false);
  assert.equal(passes('body.amount', 'not_eq', '5'), false);
  assert.equal(passes('body.amount', 'not_eq', 6), true);
  assert.equal(passes('body.amount', 'not_in', ['5', 6]), false);
  assert.equal(passes('body.amount', 'matches', '5'), false);
  assert.equal(passes('body.draft', 'eq', false), true);
  assert.equal(passes('body.note', 'eq', null), true);
  assert.equal(passes('body.note', 'not_eq', 'x'), true);
  assert.equal(passes('body.state', 'not_eq', null), true);
  assert.equal(passes('body.labels', 'not_eq', 'bug'), false);
  assert.equal(passes('body.owner', 'not_in', ['octo']), false);
});

test('a dollar sign does not match before a newline', () => {
  assert.equal(passes('body.state', 'matches', '^closed$', view({ body: { state: 'closed\n' } })), false);
});

test('the paths and spellings of one resource get one decision', () => {
  const inside = (target: string): boolean => passes('url.pathname', 'starts_with', '/repos/acme/sandbox/', view({ target }));
  assert.equal(inside('https://api.github.com/repos/acme/sandbox/issues'), true);
  assert.equal(inside('https://api.github.com/repos/acme/%73andbox/issues'), true);
  assert.equal(inside('https://api.github.com/repos/acme/sandbox/../marketing/issues'), false);
  assert.equal(inside('https://api.github.com/repos/acme/sandbox/%2e%2e/marketing/issues'), false);
});

test('a rule that could not be judged is refused when it is written', () => {
  const rule = (item: unknown): string[] => checkConstraints([item]).map((problem) => `${problem.path}:${problem.rule}`);
  const good = { path: 'method', op: 'eq', value: 'GET' };
  assert.deepEqual(rule(good), []);
  for (const path of [
    '',
    'url',
    'url.path',
    'body',
    'body.',
    'body..a',
    'body.a.',
    'body.a\\',
    'body.a\\x',
    'headers.',
    'headers.a b',
    'query.',
    'METHOD',
    7,
  ]) {
    assert.deepEqual(rule({ ...good, path }), ['0.path:path'], String(path));
  }
  assert.deepEqual(rule({ ...good, op: 'regex' }), ['0.op:op']);
  assert.deepEqual(rule({ ...good, valeu: 1 }), ['0.valeu:unknown_field']);
  assert.deepEqual(rule({ path: 'method', op: 'eq' }), ['0.value:value']);
  assert.deepEqual(rule({ ...good, value: ['GET'] }), ['0.value:value']);
  assert.deepEqual(rule({ ...good, value: '\ud800' }), ['0.value:value']);
  assert.deepEqual(rule({ ...good, op: 'in', value: [] }), ['0.value:value']);
  assert.deepEqual(rule({ ...good, op: 'in', value: Array(257).fill('x') }), ['0.value:value']);
  assert.deepEqual(rule({ ...good, op: 'in', value: Array(256).fill('x') }), []);
  assert.deepEqual(rule({ ...good, op: 'not_in', value: [{}] }), ['0.value:value']);
  assert.deepEqual(rule({ ...good, op: 'starts_with', value: 1 }), ['0.value:value']);
  assert.deepEqual(rule({ ...good, op: 'matches', value: 'a'.repeat(256) }), []);
  assert.deepEqual(rule({ ...good, op: 'matches', value: 'a'.repeat(257) }), ['0.value:pattern']);
  for (const pattern of ['(?=a)', '(a)\\1', '[', 'a{1001}'])
    assert.deepEqual(rule({ ...good, op: 'matches', value: pattern }), ['0.value:pattern']);
  assert.deepEqual(rule(null), ['0:object']);
  assert.deepEqual(checkConstraints('x'), [{ path: '', rule: 'array' }]);
  assert.deepEqual(checkConstraints(Array(32).fill(good)), []);
  assert.deepEqual(checkConstraints(Array(33).fill(good)), [{ path: '', rule: 'max_items' }]);
});

test('a group of sets has at most 16 sets of one to 8 constraints', () => {
  const good = { path: 'method', op: 'eq', value: 'GET' };
  assert.equal(parseAnyOf(Array(16).fill(Array(8).fill(good))).ok, true);
  assert.deepEqual(parseAnyOf(Array(17).fill([good])), { ok: false, problems: [{ path: '', rule: 'max_items' }] });
  assert.deepEqual(parseAnyOf([Array(9).fill(good)]), { ok: false, problems: [{ path: '0', rule: 'max_items' }] });
  assert.deepEqual(parseAnyOf([[good], []]), { ok: false, problems: [{ path: '1', rule: 'min_items' }] });
  assert.deepEqual(parseAnyOf([[{ ...good, op: 'x' }]]), { ok: false, problems: [{ path: '0.0.op', rule: 'op' }] });
});

const IS_PATCH: Constraint = { path: 'method', op: 'eq', value: 'PATCH' };
const IS_GET: Constraint = { path: 'method', op: 'eq', value: 'GET' };
const CLOSES: Constraint = { path: 'body.state', op: 'eq', value: 'closed' };
const GONE: Constraint = { path: 'body.gone', op: 'eq', value: 1 };

test('the first failing constraint is named, and each level needs one full set', () => {
  assert.equal(firstFailing([IS_PATCH, CLOSES], view()), null);
  assert.equal(firstFailing([IS_PATCH, IS_GET, GONE], view()), IS_GET);
  assert.equal(anyOfPasses([], view()), true);
  assert.equal(anyOfPasses([[[IS_GET], [IS_PATCH, CLOSES]]], view()), true);
  assert.equal(anyOfPasses([[[IS_GET], [IS_PATCH, GONE]]], view()), false);
  assert.equal(anyOfPasses([[[IS_PATCH]], [[IS_GET]]], view()), false);
  assert.equal(anyOfPasses([[]], view()), false);
  assert.equal(anyOfPasses([[[]]], view()), false);
});

test('for an approval rule an absent path counts as a match', () => {
  assert.equal(approvalSetMatches([IS_PATCH, GONE], view()), true);
  assert.equal(approvalSetMatches([IS_GET, GONE], view()), false);
  assert.equal(approvalSetMatches([{ path: 'body.amount', op: 'starts_with', value: '5' }], view()), true);
  assert.equal(approvalSetMatches([CLOSES], view({ body: { state: 'open' } })), false);
});

test('eq and not_eq, in and not_in never both pass', () => {
  const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.constant(undefined)), fc.array(scalar, { minLength: 1, maxLength: 4 }), (actual, list) => {
      const on = view({ body: actual === undefined ? {} : { field: toJson(actual) } });
      const [first] = list;
      assert.ok(first !== undefined);
      const path = 'body.field';
      assert.ok(!(evaluate({ path, op: 'eq', value: first }, on) && evaluate({ path, op: 'not_eq', value: first }, on)));
      assert.ok(!(evaluate({ path, op: 'in', value: list }, on) && evaluate({ path, op: 'not_in', value: list }, on)));
    }),
  );
});

function toJson(value: unknown): Json {
  const parsed: Json = JSON.parse(JSON.stringify(value));
  return parsed;
}
