import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reduceToolCalls } from '../src/edge/tool-calls.ts';

test('given tool calls, only counts per service and method go on', () => {
  const call = { service: 'github', method: 'GET', target: '/secret' };
  const reduced = reduceToolCalls({
    summary: 's',
    tool_calls: [call, call, { service: 'slack', method: 'POST' }],
    tool_call_counts: { faked: 9 },
  });
  assert.deepEqual(reduced, { summary: 's', tool_call_counts: { 'github GET': 2, 'slack POST': 1 } });
});

test('given counts that the caller made up, they do not go on', () => {
  assert.deepEqual(reduceToolCalls({ tool_call_counts: { 'github GET': 1 } }), {});
});

test('given more than 256 pairs, the rest is counted as other, and odd names are made plain', () => {
  const calls = Array.from({ length: 300 }, (_, index) => ({ service: `s${index}`, method: 'GET' }));
  const counts = reduceToolCalls({ tool_calls: [...calls, { service: 's0', method: 'GET' }] })['tool_call_counts'];
  assert.ok(typeof counts === 'object' && counts !== null);
  const map = new Map(Object.entries(counts));
  assert.equal(map.size, 257);
  assert.equal(map.get('other'), 44);
  assert.equal(map.get('s0 GET'), 2);
  assert.deepEqual(reduceToolCalls({ tool_calls: [{ service: 'a\nb', method: '__proto__' }] })['tool_call_counts'], { 'a_b __proto__': 1 });
});
