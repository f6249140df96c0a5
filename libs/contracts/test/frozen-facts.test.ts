import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { breaks } from './breaks.ts';
import { FROZEN_FILE, factSchemas, type FactSchemas } from './fact-schemas.ts';

const recorded: FactSchemas = JSON.parse(await readFile(FROZEN_FILE, 'utf8'));

test('given the recorded facts, when compared with the code, then none is gone and none has changed but for new optional fields', () => {
  const now = factSchemas();
  assert.deepEqual(
    Object.entries(recorded).flatMap(([type, schema]) => (type in now ? breaks(schema, now[type], type) : [`${type}: removed`])),
    [],
  );
});

test('given the facts of the code, when looked up, then each is recorded (scripts/record-facts.ts adds a new one)', () => {
  assert.deepEqual(Object.keys(factSchemas()), Object.keys(recorded));
});

test('given changes of a schema, when compared, then only a new optional field passes', () => {
  const published = { type: 'object', properties: { a: { type: 'string' }, b: { anyOf: [{ const: 1 }, { const: 2 }] } }, required: ['a'] };
  const change = (properties: object, required = ['a']): string[] =>
    breaks(published, { ...published, properties: { ...published.properties, ...properties }, required });
  assert.deepEqual(change({ c: { type: 'string' } }), []);
  assert.deepEqual(change({ c: { type: 'string' } }, ['a', 'c']), ['c: new and required']);
  assert.equal(change({ a: { type: 'number' } }).length, 1);
  assert.equal(change({ b: { anyOf: [{ const: 1 }] } }).length, 1);
  assert.deepEqual(change({}, []), ['a: became optional']);
});
