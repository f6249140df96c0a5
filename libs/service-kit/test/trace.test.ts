import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTraceparent, parseTraceparent, serverSpan, traceresponse } from '../src/trace.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const good = `00-${TRACE}-00f067aa0ba902b7-01`;
const random = new Uint8Array(24).fill(7);

test('given a valid traceparent, its trace goes on under a span of ours', () => {
  const span = serverSpan(good, random);
  assert.deepEqual({ trace_id: span.trace_id, flags: span.flags }, { trace_id: TRACE, flags: '01' });
  assert.notEqual(span.span_id, '00f067aa0ba902b7');
  assert.equal(traceresponse(span), formatTraceparent(span));
  assert.deepEqual(parseTraceparent(traceresponse(span)), span);
});

test('given a later version with more at its end, it is read as far as it is known', () => {
  assert.equal(parseTraceparent(`cc-${TRACE}-00f067aa0ba902b7-01-what-the-future-holds`)?.trace_id, TRACE);
});

test('given anything that is not valid, a new trace begins', () => {
  const zeros = '0'.repeat(32);
  for (const bad of [
    undefined,
    '',
    good.toUpperCase(),
    `${good}-x`,
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${zeros}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    ` ${good}`,
    `${good}\n`,
  ]) {
    assert.equal(parseTraceparent(bad), null);
    assert.notEqual(serverSpan(bad, random).trace_id, TRACE);
  }
});

test('given random bytes that are all zero, the ids are valid all the same', () => {
  assert.notEqual(parseTraceparent(formatTraceparent(serverSpan(undefined, new Uint8Array(24)))), null);
});
