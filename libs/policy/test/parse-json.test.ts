import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLossyNumber } from '../src/lossy-number.ts';
import { parseJson } from '../src/parse-json.ts';

function problem(text: string): string {
  const result = parseJson(text);
  return result.ok ? 'ok' : `${result.path}:${result.rule}`;
}

test('numbers that a double does not give back are refused with their path', () => {
  assert.equal(problem('{"a":[1,{"b.c":9007199254740993}]}'), 'a.1.b\\.c:lossy_number');
  assert.equal(problem('1e400'), ':lossy_number');
  assert.equal(problem('[-1e400]'), '0:lossy_number');
  for (const lossy of [
    '1e-400',
    '0.1000000000000000055511151231257827',
    '1.00000000000000000001',
    '123456789012345678',
    '1e309',
    '9007199254740993.0',
    '4.9e-325',
  ]) {
    assert.equal(isLossyNumber(lossy), true, lossy);
  }
  const kept = [
    '1.0',
    '1e2',
    '0.1',
    '-0',
    '0e999999999999',
    '9007199254740992',
    '9007199254740994',
    '1E+2',
    '100000000000000000000',
    '0.30',
    '5e-324',
  ];
  kept.push(
    '1.7976931348623157e308',
    '123456789012345',
    '0.00000000000000000000000000000000001',
    '1e0000000002',
    `1${'0'.repeat(300)}`,
    `0.${'0'.repeat(400)}1e401`,
  );
  for (const number of kept) {
    assert.equal(isLossyNumber(number), false, number);
    assert.equal(problem(`[ ${number} ]`), 'ok', number);
  }
});

test('duplicate keys are found however they are written and wherever they are', () => {
  assert.equal(problem('{"a":1,"a":1}'), 'a:duplicate_key');
  assert.equal(problem('{"x":[{"a":1},{"a":{},"b":0,"\\u0061":2}]}'), 'x.1.a:duplicate_key');
  assert.equal(problem('{"__proto__":1,"__proto__":2}'), '__proto__:duplicate_key');
  assert.equal(problem('{"":1,"":2}'), ':duplicate_key');
  assert.equal(problem('{"a":{"b":1},"b":{"a":1},"c":":\\"{,"}'), 'ok');
  assert.equal(problem('{"1":1,"0":2}'), 'ok');
});

test('lone surrogates are found, written out or escaped, in values and in keys', () => {
  assert.equal(problem('{"a":"\\ud800"}'), 'a:lone_surrogate');
  assert.equal(problem('{"a":"\\uDC00x"}'), 'a:lone_surrogate');
  assert.equal(problem('{"a":"\ud800"}'), 'a:lone_surrogate');
  assert.equal(problem('{"a":{"\\ud83d":1}}'), 'a.\ufffd:lone_surrogate');
  assert.equal(problem('{"a":"\\ud83d\\ude00","b":"\u{1f600}","c":"\\\\ud800"}'), 'ok');
});

test('32 levels pass and the 33rd does not', () => {
  assert.equal(problem(`${'['.repeat(32)}1${']'.repeat(32)}`), 'ok');
  assert.equal(problem(`${'['.repeat(33)}1${']'.repeat(33)}`), `${Array(32).fill('0').join('.')}:max_depth`);
  assert.equal(problem(`${'[{"a":'.repeat(16)}1${'}]'.repeat(16)}`), 'ok');
  assert.equal(problem(`${'['.repeat(100_000)}${']'.repeat(100_000)}`).endsWith(':max_depth'), true);
  assert.equal(problem(`[${'[],'.repeat(40)}[]]`), 'ok');
});

test('given a text that need not be exact, what is ambiguous is found behind a number or surrogate that may stand', () => {
  const problem = (text: string): string => {
    const result = parseJson(text, false);
    return result.ok ? 'ok' : `${result.path}:${result.rule}`;
  };
  for (const odd of ['1e400', '9007199254740993', '"\\ud800"', '{"\\udfff":1}']) {
    assert.equal(problem(`{"x":${odd},"a":1}`), 'ok', odd);
    assert.equal(problem(`{"x":${odd},"a":1,"\\u0061":2}`), 'a:duplicate_key', odd);
    assert.match(problem(`{"x":${odd},"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), /:max_depth$/, odd);
  }
});

test('what is no JSON, or no UTF-8, is refused', () => {
  for (const bad of ['', ' ', '{', '{"a":1,}', '01', '1.', 'NaN', "{'a':1}", '\ufeff{}', '1 2', '"\n"', 'undefined'])
    assert.equal(problem(bad), ':json', bad);
  assert.deepEqual(parseJson(Buffer.from([0x22, 0xff, 0x22])), { ok: false, path: '', rule: 'json' });
  assert.deepEqual(parseJson(Buffer.from('{"é":1}')), { ok: true, value: { é: 1 } });
});

test('a member named __proto__ is data and touches no prototype', () => {
  const result = parseJson('{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}');
  assert.ok(result.ok);
  const value = result.value;
  assert.ok(typeof value === 'object' && value !== null);
  assert.equal(Object.hasOwn(value, '__proto__'), true);
  assert.equal('admin' in value, false);
  assert.equal(Reflect.get({}, 'admin'), undefined);
});

test('whatever JSON.stringify writes is read back as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      const text = JSON.stringify(value, null, space);
      const result = parseJson(text);
      const expected: unknown = JSON.parse(text);
      if (text.isWellFormed() && !/\\ud/.test(text)) assert.ok(result.ok);
      if (result.ok) assert.deepEqual(result.value, expected);
    }),
    { numRuns: 1000 },
  );
});

test('a double written in any length is lossless exactly when its digits mean that double', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: 0, max: 3 }), (value, zeros) => {
      const text = JSON.stringify(value);
      assert.equal(isLossyNumber(text), false);
      const padded = text.includes('e') ? text.replace('e', `${text.includes('.') ? '' : '.'}${'0'.repeat(zeros + 1)}e`) : text;
      assert.equal(isLossyNumber(padded), false, padded);
    }),
  );
});
