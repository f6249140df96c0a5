import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '@sallyport/testing/time.ts';
import { type TestPlatform, withPlatform, type Worker } from './platform.ts';

let platform: TestPlatform;
let worker: Worker;
before(async () => {
  platform = await withPlatform();
  worker = await platform.setUp({ mode: 'logged' });
});
after(() => platform.stop());

const GET = { method: 'GET', url: 'https://api.github.com/repos/acme/sandbox/issues' };

test('given a passport, a grant and a credential, the call goes out with the credential and comes back in the envelope', async () => {
  const { status, body } = await worker.call({
    ...GET,
    query: { state: 'open' },
    headers: { Authorization: 'Bearer mine', 'X-Custom': '1' },
  });
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual([body.status, body.body, body.body_kind], [200, { ok: true }, 'json']);
  assert.match(body.entry_id, /^aud_/);
  assert.match(body.attempt_entry_id, /^aud_/);
  const heard = platform.upstream.heard.at(-1);
  assert.equal(heard?.path, '/repos/acme/sandbox/issues?state=open');
  assert.equal(heard?.headers.authorization, `Bearer ${platform.upstream.secret}`);
  assert.equal(heard?.headers.host, 'api.github.com');
  assert.equal(heard?.headers['x-custom'], '1');
});

test('given whatever the upstream answers, it comes as 200 with that status, and never a second request', async () => {
  const to = (path: string, method = 'GET'): ReturnType<Worker['call']> => worker.call({ method, url: `https://api.github.com/${path}` });
  const before = platform.upstream.heard.length;
  const redirect = await to('redirect');
  assert.deepEqual(
    [redirect.status, redirect.body.status, redirect.body.headers.location, redirect.body.headers['set-cookie']],
    [200, 302, 'https://elsewhere.example/', undefined],
  );
  assert.deepEqual([(await to('missing')).body.status, (await to('broken')).body.status], [404, 500]);
  assert.deepEqual((await to('image')).body.body, { base64: 'AQID', content_type: 'image/png' });
  assert.equal((await to('huge')).body.error.code, 'RESPONSE_TOO_LARGE');
  const reset = await to('reset');
  assert.deepEqual([reset.status, reset.body.error.code, reset.body.error.metadata.stage], [502, 'UPSTREAM_UNREACHABLE', 'protocol']);
  assert.equal(reset.headers.get('x-sallyport-error'), 'UPSTREAM_UNREACHABLE');
  const echo = await to('echo');
  assert.deepEqual(echo.body.body, { echoed: 'Bearer [redacted]', raw: '[redacted]' });
  assert.equal(platform.upstream.heard.length, before + 7);
});

test('given a destination that the connection does not bind, nothing is sent', async () => {
  const before = platform.upstream.heard.length;
  for (const [url, code, reason] of [
    ['https://evil.example/x', 'DESTINATION_FORBIDDEN', 'host_not_bound'],
    ['https://api.github.com:8443/x', 'DESTINATION_FORBIDDEN', 'port_not_bound'],
    ['http://api.github.com/x', 'DESTINATION_FORBIDDEN', 'scheme'],
    ['ftp://api.github.com/x', 'DESTINATION_FORBIDDEN', 'scheme'],
    ['https://u:p@api.github.com/x', 'DESTINATION_FORBIDDEN', 'userinfo'],
    ['https://127.0.0.1/x', 'DESTINATION_FORBIDDEN', 'ip_literal'],
    ['https://10.0.0.1/x', 'DESTINATION_FORBIDDEN', 'ip_literal'],
    ['https://169.254.169.254/x', 'DESTINATION_FORBIDDEN', 'ip_literal'],
    ['https://[::ffff:127.0.0.1]/x', 'DESTINATION_FORBIDDEN', 'ip_literal'],
    ['https://2130706433/x', 'DESTINATION_FORBIDDEN', 'ip_literal'],
    ['https://0177.0.0.1/x', 'DESTINATION_FORBIDDEN', 'ip_literal'],
    ['https://{{instance_url}}/x', 'DESTINATION_FORBIDDEN', 'placeholder_unresolved'],
    ['/x', 'INVALID_REQUEST', undefined],
    ['https://api.github.com/a/..%2fb', 'INVALID_REQUEST', undefined],
  ] as const) {
    const { body } = await worker.call({ method: 'GET', url });
    assert.deepEqual([body.error?.code, body.error?.metadata.reason], [code, reason], url);
  }
  assert.equal(platform.upstream.heard.length, before);
});

test('given a passport bound to a key, only a token of that agent possesses it', async () => {
  const other = await platform.setUp({ mode: 'logged' });
  const before = platform.upstream.heard.length;
  const reason = async (bearer: string): Promise<unknown> => {
    const { status, body } = await worker.call(GET, { bearer });
    assert.equal(status, 401);
    return body.error.metadata.reason;
  };
  assert.equal(await reason(platform.apiKey), 'proof_of_possession_required');
  assert.equal(await reason(other.jwt()), 'proof_of_possession_mismatch');
  assert.equal(await reason(worker.jwt({ aud: 'other' })), 'wrong_audience');
  assert.equal(await reason(worker.jwt({ exp: Math.floor(Date.now() / 1000) + 120 })), 'lifetime_too_long');
  assert.equal(await reason(worker.jwt({ sub: other.agent_id })), 'bad_signature');
  assert.equal(await reason(worker.passport.token), 'wrong_credential_kind');
  assert.equal(
    (await worker.call(GET, { token: `${worker.passport.token.slice(0, -4)}AAAA` })).body.error.metadata.reason,
    'bad_signature',
  );
  assert.equal(platform.upstream.heard.length, before);
});

test('given the same agent token twice, reads pass and the second write is a replay, also between proxy and control', async () => {
  const jwt = worker.jwt();
  assert.deepEqual([(await worker.call(GET, { bearer: jwt })).status, (await worker.call(GET, { bearer: jwt })).status], [200, 200]);
  const write = { method: 'POST', url: 'https://api.github.com/repos/acme/sandbox/issues', body: { title: 'x' } };
  assert.equal((await worker.call(write, { bearer: jwt })).status, 200);
  assert.equal((await worker.call(write, { bearer: jwt })).body.error.metadata.reason, 'jti_replayed');
  const control = (): ReturnType<TestPlatform['api']> =>
    platform.api(
      'POST',
      `/v1/passports/${worker.passport.jti}/checkpoint`,
      { services_used: [], actions_count: 0 },
      { authorization: `Bearer ${jwt}` },
    );
  assert.equal((await control()).body.error.metadata.reason, 'jti_replayed');
});

test('given an operation id, a repeat is never sent again, and an id that was not sent is free', async () => {
  const id = 'q2Vn0Jt5b8sXw1Zr7KdLmA3y';
  const write = {
    method: 'PATCH',
    url: 'https://api.github.com/repos/acme/sandbox/issues/7',
    body: { state: 'closed' },
    authority_request_id: id,
  };
  assert.equal((await worker.call(write)).status, 200);
  const before = platform.upstream.heard.length;
  // A closing that the log took late is answered without; until it stands there the first call counts as running.
  await eventually(async () => {
    const repeat = await worker.call(write);
    assert.deepEqual(
      [repeat.status, repeat.body.error.metadata.reason, repeat.body.error.metadata.operation.operation_id],
      [409, 'not_replayable', id],
    );
  });
  assert.equal((await worker.call({ ...write, body: { state: 'open' } })).body.error.metadata.reason, 'operation_mismatch');
  const running = { method: 'POST', url: 'https://api.github.com/hold', body: {}, authority_request_id: `${id}2` };
  const first = worker.call(running);
  await eventually(() => platform.upstream.waiting() > 0);
  assert.equal((await worker.call(running)).body.error.metadata.reason, 'operation_in_progress');
  platform.upstream.letGo();
  assert.equal((await first).status, 200);
  assert.equal(platform.upstream.heard.length, before + 1);
});

test('given a grant that asks for approval, the call is refused and nothing is sent', async () => {
  const gated = await platform.setUp({ mode: 'logged', grant: { approval: 'writes' } });
  assert.equal((await gated.call(GET)).status, 200);
  const { status, body } = await gated.call({ method: 'POST', url: 'https://api.github.com/x', body: {}, approval_id: 'int_whatever' });
  assert.deepEqual([status, body.error.code, body.error.metadata.gate_reason], [403, 'FORBIDDEN', 'approval_required']);
});

test('given a grant constraint, another path is refused, and a narrowed grant refuses the next call', async () => {
  const bound = await platform.setUp({
    mode: 'logged',
    grant: { constraints: [{ path: 'url.pathname', op: 'starts_with', value: '/repos/acme/sandbox/' }] },
  });
  assert.equal((await bound.call(GET)).status, 200);
  for (const url of [
    'https://api.github.com/repos/acme/other/issues',
    'https://api.github.com/repos/acme/sandbox/%2e%2e/other/issues',
    'https://API.github.com/repos/acme/sandbox/../other/x',
  ]) {
    const { body } = await bound.call({ method: 'GET', url });
    assert.deepEqual([body.error?.code, body.error?.metadata.reason], ['FORBIDDEN', 'constraint_failed'], url);
  }
  const narrowed = await platform.api('PUT', `/v1/agents/${bound.agent_id}/grants/${bound.connection_id}`, {
    constraints: [{ path: 'method', op: 'eq', value: 'POST' }],
  });
  assert.equal(narrowed.status, 200, JSON.stringify(narrowed.body));
  assert.equal((await bound.call(GET)).body.error.metadata.reason, 'constraint_failed');
  assert.equal((await platform.api('DELETE', `/v1/agents/${bound.agent_id}/grants/${bound.connection_id}`)).status, 200);
  assert.equal((await bound.call(GET)).body.error.metadata.reason, 'grant_revoked');
});

test('given an agent token that a refused write used, a control write with it is a replay, also when both come at once', async () => {
  const refused = { method: 'POST', url: 'https://evil.example/x', body: {} };
  for (let round = 0; round < 5; round++) {
    const jwt = worker.jwt();
    const control = (): ReturnType<TestPlatform['api']> =>
      platform.api('POST', '/v1/passports/revoke', { jti: 'ppt_01kt16jphre60tak362xesvjfr' }, { authorization: `Bearer ${jwt}` });
    const [call, first] = await Promise.all([worker.call(refused, { bearer: jwt }), control()]);
    assert.equal(call.status, 403);
    const second = await control();
    assert.equal(second.body.error.metadata.reason, 'jti_replayed');
    assert.ok(first.status === 404 || first.body.error.metadata.reason === 'jti_replayed', JSON.stringify(first.body));
  }
});
