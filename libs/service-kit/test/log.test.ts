import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, redact } from '../src/log.ts';

function lines(
  write: (log: ReturnType<typeof createLog>) => void,
  options: Parameters<typeof createLog>[1] = {},
): Record<string, unknown>[] {
  const written: string[] = [];
  write(createLog('vault-1', { ...options, destination: { write: (line) => void written.push(line) } }));
  return written.map((line) => JSON.parse(line));
}

test('given fields on the list, they appear; others are named without their value', () => {
  const [line] = lines((log) =>
    log.info({ operation: 'agents.get', status: 200, body: { password: 'hunter2' }, authorization: 'hunter2' }, 'operation'),
  );
  assert.equal(line?.['operation'], 'agents.get');
  assert.equal(line?.['instance'], 'vault-1');
  assert.equal(line?.['level'], 'info');
  assert.deepEqual(line?.['dropped'], ['body', 'authorization']);
  assert.ok(!JSON.stringify(line).includes('hunter2'));
});

test('given an object under a permitted name, it is dropped: nobody knows what is in it', () => {
  const [line] = lines((log) => log.warn({ error: { message: 'x', request: 'hunter2' }, reason: ['a', 1] }, 'x'));
  assert.deepEqual(line?.['dropped'], ['error']);
  assert.deepEqual(line?.['reason'], ['a', 1]);
});

test('given a token, a key or a password inside any text, it is cut out', () => {
  const key = `sk_live_op_${'a'.repeat(59)}`;
  const jwt = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhZ3RfMSJ9.c2lnbmF0dXJl';
  for (const secret of [key, jwt, 'tkt_abcdefghijkl', 'rt_abcdefghijkl', 'Bearer abc123']) {
    const [line] = lines((log) => log.error({ error: `it failed with ${secret}, sadly` }, `saw ${secret}`));
    assert.equal(
      line?.['error'],
      'it failed with [redacted], sadly'.replace(', sadly', secret.startsWith('Bearer') ? ' sadly' : ', sadly'),
    );
    assert.ok(!JSON.stringify(line).includes(secret));
  }
  assert.equal(redact('postgres://user:pass@host/db'), 'postgres://[redacted]@host/db');
  assert.equal(redact('part_of_the_word start_something alert_me_please'), 'part_of_the_word start_something alert_me_please');
});

test('given a long text, it is cut; given a level, lower lines do not appear', () => {
  const [line] = lines((log) => log.info({ error: 'x'.repeat(10_000) }, 'x'));
  assert.equal(String(line?.['error']).length, 512);
  assert.deepEqual(
    lines((log) => log.info({}, 'x'), { level: 'warn' }),
    [],
  );
});
