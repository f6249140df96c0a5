import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../src/ports.ts';
import { redirectSdkPort } from '../src/sdk-port.ts';

const PUBLIC = 'http://127.0.0.1:8787';

test('given the enrolment page at its port, then the browser is sent to the gateway with its query, and nothing else is there', async () => {
  const port = await freePort();
  const on = await redirectSdkPort(PUBLIC, port, () => undefined);
  try {
    assert.ok(on.listening.includes('127.0.0.1'));
    for (const host of on.listening) {
      const at = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
      const query = '?agent_id=agt_1&callback=http%3A%2F%2F127.0.0.1%3A5%2Fcb&state=a?b';
      const answer = await fetch(`${at}/sdk-bootstrap${query}`, { redirect: 'manual' });
      assert.equal(answer.status, 302);
      assert.equal(answer.headers.get('location'), `${PUBLIC}/sdk-bootstrap${query}`);
      for (const path of ['/', '/sdk-bootstrap/', '//evil.example/sdk-bootstrap', '/login']) {
        assert.equal((await fetch(at + path, { redirect: 'manual' })).status, 404, path);
      }
      assert.equal((await fetch(`${at}/sdk-bootstrap`, { method: 'POST', redirect: 'manual' })).status, 404);
    }
  } finally {
    await on.close();
  }
});

test('given a port that is taken, then it is said where the page is, and nothing fails', async () => {
  const port = await freePort();
  const first = await redirectSdkPort(PUBLIC, port, () => undefined);
  const lines: string[] = [];
  const second = await redirectSdkPort(PUBLIC, port, (line) => lines.push(line));
  try {
    assert.deepEqual(second.listening, []);
    assert.match(lines[0] ?? '', new RegExp(`^port ${port} .* is taken: .*STACK_DASHBOARD_URL=${PUBLIC}$`));
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
});
