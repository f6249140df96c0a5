/** Forged, misused and replayed tokens at every door that takes one (api.md §3.1, §3.3, §3.4, §6.1): what is answered, and that no upstream saw anything. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { after, test } from 'node:test';
import { connectGithub, enrolledAgent, startMission, type TestAgent } from '../support/agent.ts';
import type { Answer, Api } from '../support/api.ts';
import { base64url, ed25519, type Forgery, forgeriesOf, type Json, parts } from '../support/forged.ts';
import { loginLink } from '../support/login-link.ts';
import { type TestOperator, testPlatform } from '../support/platform.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const platform = testPlatform({ gateways: 2 });
let upstream: Upstream;
let acme: TestOperator;
let other: TestOperator;
let key: KeyObject;
let publicJwk: Json;
let agentId: string;
let kid: string;
let sibling: TestAgent;
let foreign: TestAgent;
let passport: Answer['body'];
let foreignPassport: Answer['body'];

/** An enrolled agent whose private key the test holds, to sign what it likes. */
async function ownAgent(api: Api, name: string): Promise<{ id: string; kid: string; privateKey: KeyObject; jwk: Json }> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { kty, crv, x } = publicKey.export({ format: 'jwk' });
  const registered = await api('POST', '/v1/agents/register', { name, accountability_mode: 'logged' });
  const { body: asked } = await api('POST', `/v1/agents/${registered.body.id}/enrollment-challenge`);
  const signed_challenge = sign(null, Buffer.from(asked.challenge), privateKey).toString('base64url');
  const enrolled = await api('POST', `/v1/agents/${registered.body.id}/enroll`, {
    public_key: { kty, crv, x },
    challenge_id: asked.challenge_id,
    signed_challenge,
  });
  assert.equal(enrolled.status, 200, JSON.stringify(enrolled.body));
  return { id: registered.body.id, kid: enrolled.body.kid, privateKey, jwk: { kty, crv, x } };
}

async function setUp(): Promise<void> {
  upstream = await startUpstream();
  [acme, other] = [await platform.newOperator('Acme'), await platform.newOperator('Other')];
  for (const { api } of [acme, other]) await connectGithub(api, upstream.url);
  const mine = await ownAgent(acme.api, 'table');
  ({ id: agentId, kid, privateKey: key, jwk: publicJwk } = mine);
  sibling = await enrolledAgent(acme.api, { name: 'sibling', accountability_mode: 'logged' });
  foreign = await enrolledAgent(other.api, { name: 'foreign', accountability_mode: 'logged' });
  passport = (await startMission(acme.api, agentId)).passport;
  foreignPassport = (await startMission(other.api, foreign.id)).passport;
}

let ready: Promise<void> | undefined;
function proof(name: string, prove: () => Promise<void>): void {
  test(name, async () => {
    await (ready ??= setUp());
    await prove();
  });
}
after(() => upstream?.stop());

const header = (): Json => ({ alg: 'EdDSA', typ: 'JWT', kid });
function claims(change: Json = {}): Json {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: 'stack-sdk',
    sub: agentId,
    aud: 'stack:agent',
    iat: now,
    nbf: now,
    exp: now + 60,
    jti: randomBytes(16).toString('hex'),
    ...change,
  };
}
const jwt = (change: Json = {}, head: Json = {}): string => ed25519({ ...header(), ...head }, claims(change), key);
const now = (): number => Math.floor(Date.now() / 1000);

const call = { service: 'github', method: 'GET', url: 'https://api.github.com/repos/acme/sandbox/issues' };
async function proxied(bearer: string | undefined, token: string, more: Json = {}, gateway = 0): Promise<Answer> {
  return platform.api(bearer, gateway)('POST', '/v1/proxy', { ...call, ...more }, { 'x-passport-token': token });
}

/** Signed by the agent itself, and wrong all the same. */
function ownMistakes(): Forgery[] {
  const text = (change: string): string => ed25519(header(), JSON.stringify(claims()).replace(/"exp":\d+/, change), key);
  const iat = now();
  const rows: [string, string, string][] = [
    ['61 s of life', jwt({ iat, exp: iat + 61 }), 'lifetime_too_long'],
    ['expired', jwt({ iat: now() - 70, nbf: now() - 70, exp: now() - 10 }), 'expired'],
    ['issued in the future', jwt({ iat: now() + 30, exp: now() + 60 }), 'not_yet_valid'],
    ['not before the future', jwt({ nbf: now() + 30 }), 'not_yet_valid'],
    ['without iat', jwt({ iat: undefined }), 'malformed'],
    ['without nbf', jwt({ nbf: undefined }), 'malformed'],
    ['without exp', jwt({ exp: undefined }), 'malformed'],
    ['negative exp', jwt({ exp: -1 }), 'malformed'],
    ['exp as text', jwt({ exp: String(now() + 60) }), 'malformed'],
    ['exp 1e999', text('"exp":1e999'), 'malformed'],
    ['exp NaN', text('"exp":NaN'), 'malformed'],
    ['exp null', jwt({ exp: null }), 'malformed'],
    ['exp far away', jwt({ exp: 9_999_999_999 }), 'lifetime_too_long'],
    ['another issuer', jwt({ iss: 'someone-else' }), 'wrong_issuer'],
    ['issuer as a list', jwt({ iss: ['stack-sdk'] }), 'wrong_issuer'],
    ['another audience', jwt({ aud: 'stack:other' }), 'wrong_audience'],
    ['audience as a list', jwt({ aud: ['stack:agent'] }), 'wrong_audience'],
    ['audience of a passport', jwt({ aud: 'stack:passport' }), 'wrong_credential_kind'],
    ['audience of a session', jwt({ aud: 'stack:session' }), 'wrong_credential_kind'],
    ['without jti', jwt({ jti: undefined }), 'malformed'],
    ['a jti of 15 characters', jwt({ jti: 'x'.repeat(15) }), 'malformed'],
    ['a jti of 129 characters', jwt({ jti: 'x'.repeat(129) }), 'malformed'],
    ['a jti that is a number', jwt({ jti: 1_234_567_890_123_456 }), 'malformed'],
    ['sub of another agent', jwt({ sub: sibling.id }), 'bad_signature'],
    ["sub of another operator's agent", jwt({ sub: foreign.id }), 'bad_signature'],
    ['sub of nobody', jwt({ sub: 'agt_01kt16jnjge4ma4jz41b93y214' }), 'not_enrolled'],
    ['sub as a wildcard', jwt({ sub: '*' }), 'not_enrolled'],
    ['sub as a path', jwt({ sub: '../agent.*' }), 'not_enrolled'],
    ['sub as a list', jwt({ sub: [agentId] }), 'malformed'],
    ['sub in Unicode look-alikes', jwt({ sub: agentId.replace('a', 'а') }), 'not_enrolled'],
    ['without sub', jwt({ sub: undefined }), 'malformed'],
    ['typ of a passport', jwt({}, { typ: 'passport+jwt' }), 'wrong_credential_kind'],
    ['typ of a session', jwt({}, { typ: 'session+jwt' }), 'bad_signature'],
    ['typ of an access token', jwt({}, { typ: 'at+jwt' }), 'bad_signature'],
    ['another typ', jwt({}, { typ: 'dpop+jwt' }), 'wrong_credential_kind'],
    [
      'a claim twice',
      ed25519(header(), JSON.stringify(claims()).replace('"sub"', `"sub":"${sibling.id}","sub"`).replace(agentId, sibling.id), key),
      'bad_signature',
    ],
    ['a nested token', ed25519(header(), base64url(claims()), key), 'malformed'],
    ['with its own key in the header', jwt({}, { jwk: publicJwk }), 'malformed'],
    ['with crit', jwt({}, { crit: ['exp'] }), 'malformed'],
    ['with b64 false', jwt({}, { b64: false }), 'malformed'],
    ['with jku', jwt({}, { jku: 'http://127.0.0.1/x' }), 'malformed'],
  ];
  return rows.map(([what, token, reason]) => ({ what, token, reason }));
}

function assertRefused(what: string, { status, body }: Answer, reason: string | null): void {
  const { code, metadata } = body.error ?? {};
  const expected = reason === null ? [400, 'INVALID_REQUEST', undefined] : [401, 'UNAUTHORIZED', reason];
  assert.deepEqual([status, code, metadata?.reason], expected, `${what}: ${JSON.stringify(body).slice(0, 250)}`);
}

const agentRows = (): Forgery[] => [...forgeriesOf(jwt(), publicJwk), ...ownMistakes()];

const YOUNG_MS = 5_000;

/** Each row once, not older than this: a genuine token lives 60 s, and one from the future is genuine in half a minute. */
function* youngRows(): Generator<Forgery> {
  let made = { at: performance.now(), rows: agentRows() };
  for (let index = 0; index < made.rows.length; index++) {
    if (performance.now() - made.at > YOUNG_MS) made = { at: performance.now(), rows: agentRows() };
    const row = made.rows[index];
    if (row) yield row;
  }
}

proof('3. genuine tokens pass at each of the doors', async () => {
  assert.equal((await platform.api(jwt())('GET', `/v1/agents/${agentId}`)).status, 200);
  assert.equal(
    (await platform.api(jwt())('POST', '/v1/passports/issue', { agent_id: agentId, intent: { summary: 'x', services: ['github'] } }))
      .status,
    201,
  );
  assert.equal((await proxied(jwt(), passport.token)).status, 200);
  assert.ok(agentRows().length >= 80, String(agentRows().length));
});

const AGENT_DOORS: Record<string, (bearer: string) => Promise<Answer>> = {
  'a control GET': (bearer) => platform.api(bearer)('GET', `/v1/agents/${agentId}`),
  'a control POST': (bearer) =>
    platform.api(bearer)('POST', '/v1/passports/issue', { agent_id: agentId, intent: { summary: 'x', services: ['github'] } }),
  'a read of vault': (bearer) => platform.api(bearer)('GET', '/v1/services/connected'),
  'the proxy': (bearer) => proxied(bearer, passport.token),
  'the proxy of another gateway': (bearer) => proxied(bearer, passport.token, {}, 1),
};

for (const [door, knock] of Object.entries(AGENT_DOORS)) {
  proof(`3. no forged or mistaken agent token opens ${door}`, async () => {
    const seen = upstream.seen.length;
    for (const { what, token, reason } of youngRows()) assertRefused(`${what} at ${door}`, await knock(token), reason);
    assert.equal(upstream.seen.length, seen);
  });
}

async function jwkOf(token: string): Promise<Json> {
  const { body } = await platform.api()('GET', '/v1/.well-known/jwks.json');
  const wanted = parts(token)[0]['kid'];
  return body.keys.find((one: { kid: string }) => one.kid === wanted) ?? { kty: 'OKP', crv: 'Ed25519', x: publicJwk['x'] };
}

async function passportRows(): Promise<Forgery[]> {
  const [head, payload, signature] = parts(passport.token);
  const genuine = signature.toString('base64url');
  const { cnf: _cnf, ...loose } = payload;
  const tampered = (body: Json): string => `${base64url(head)}.${base64url(body)}.${genuine}`;
  return [
    ...forgeriesOf(passport.token, await jwkOf(passport.token)),
    { what: 'stripped of cnf', token: tampered(loose), reason: 'bad_signature' },
    { what: 'with the key of the agent in cnf', token: tampered({ ...payload, cnf: { jkt: 'x' } }), reason: 'bad_signature' },
    { what: 'for another agent', token: tampered({ ...payload, sub: sibling.id }), reason: 'bad_signature' },
    { what: 'signed by the agent itself', token: ed25519({ ...head }, payload, key), reason: 'bad_signature' },
    { what: "signed by the agent, with the agent's kid", token: ed25519({ ...head, kid }, payload, key), reason: 'bad_signature' },
    { what: 'an agent token in its place', token: jwt(), reason: 'wrong_credential_kind' },
    {
      what: 'another typ',
      token: `${base64url({ ...head, typ: 'JWT' })}.${passport.token.split('.')[1]}.${genuine}`,
      reason: 'wrong_credential_kind',
    },
    {
      what: 'without kid',
      token: `${base64url({ alg: 'EdDSA', typ: 'passport+jwt' })}.${passport.token.split('.')[1]}.${genuine}`,
      reason: 'malformed',
    },
  ];
}

proof('3. no forged passport opens the proxy, at any gateway', async () => {
  const seen = upstream.seen.length;
  for (const { what, token, reason } of await passportRows()) {
    for (const gateway of [0, 1]) assertRefused(`${what} at the proxy`, await proxied(jwt(), token, {}, gateway), reason);
  }
  assert.equal(upstream.seen.length, seen);
});

proof('3. no forged passport verifies, is refreshed or delegated', async () => {
  for (const { what, token, reason } of await passportRows()) {
    const verified = await platform.api()('POST', '/v1/passports/verify', { token });
    if (reason === null) assertRefused(`${what} at verify`, verified, reason);
    else {
      const { status, body } = verified;
      assert.deepEqual(
        [status, body.valid, body.code, body.reason],
        [200, false, 'UNAUTHORIZED', reason],
        `${what}: ${JSON.stringify(body)}`,
      );
    }
    for (const [path, fields] of [
      ['/v1/passports/refresh', { token }],
      ['/v1/passports/delegate', { parent_passport_token: token, child_agent_id: sibling.id }],
    ] as const)
      assertRefused(`${what} at ${path}`, await acme.api('POST', path, fields), reason);
  }
  assert.equal((await platform.api()('POST', '/v1/passports/verify', { token: passport.token })).body.valid, true);
});

proof("7. a passport opens nothing with the operator's key, another agent's token or another operator's, and is no bearer", async () => {
  const seen = upstream.seen.length;
  const expected: [string, string | undefined, string][] = [
    ['no bearer', undefined, 'proof_of_possession_required'],
    ['the operator key', acme.api_key, 'proof_of_possession_required'],
    ["another agent's token", sibling.jwt(), 'proof_of_possession_mismatch'],
    ["another operator's agent", foreign.jwt(), 'wrong_credential_kind'],
    ["another operator's key", other.api_key, 'wrong_credential_kind'],
    ['the passport itself', passport.token, 'wrong_credential_kind'],
  ];
  for (const method of ['GET', 'POST', 'DELETE']) {
    for (const [what, bearer, reason] of expected) {
      for (const gateway of [0, 1])
        assertRefused(`${what} (${method})`, await proxied(bearer, passport.token, { method }, gateway), reason);
    }
  }
  assert.equal(upstream.seen.length, seen);
  for (const [path, fields] of [
    ['/v1/passports/refresh', { token: foreignPassport.token }],
    ['/v1/passports/delegate', { parent_passport_token: foreignPassport.token, child_agent_id: sibling.id }],
  ] as const) {
    const answer = await acme.api('POST', path, fields);
    assert.deepEqual([answer.status, answer.body.error.code], [404, 'NOT_FOUND'], `${path}: ${JSON.stringify(answer.body)}`);
  }
});

proof(
  '4. a token that was used for a write is replayed nowhere: not at another gateway, not between control and proxy; reads may repeat',
  async () => {
    const write = { method: 'POST', body: { title: 'x' } };
    const issue = (bearer: string, gateway: number): Promise<Answer> =>
      platform.api(bearer, gateway)('POST', '/v1/passports/issue', { agent_id: agentId, intent: { summary: 'x', services: ['github'] } });
    const pairs: [string, (bearer: string, gateway: number) => Promise<Answer>, (bearer: string, gateway: number) => Promise<Answer>][] = [
      ['issue, issue', issue, issue],
      ['issue, proxied POST', issue, (bearer, gateway) => proxied(bearer, passport.token, write, gateway)],
      ['proxied POST, issue', (bearer, gateway) => proxied(bearer, passport.token, write, gateway), issue],
      ...['POST', 'PUT', 'PATCH', 'DELETE'].map((method): (typeof pairs)[number] => {
        const again = (bearer: string, gateway: number): Promise<Answer> =>
          proxied(bearer, passport.token, { method, ...(method !== 'DELETE' && { body: { title: 'x' } }) }, gateway);
        return [`proxied ${method} twice`, again, again];
      }),
    ];
    for (const second of [0, 1]) {
      for (const [what, first, next] of pairs) {
        const bearer = jwt();
        const once = await first(bearer, 0);
        assert.ok(once.status < 300, `${what}: ${once.status} ${JSON.stringify(once.body).slice(0, 200)}`);
        const seen = upstream.seen.length;
        assertRefused(`${what} at gateway ${second + 1}`, await next(bearer, second), 'jti_replayed');
        assert.equal(upstream.seen.length, seen, what);
      }
    }
    const reading = jwt();
    for (const gateway of [0, 1, 0]) {
      assert.equal((await platform.api(reading, gateway)('GET', `/v1/agents/${agentId}`)).status, 200);
      assert.equal((await proxied(reading, passport.token, {}, gateway)).status, 200);
    }
  },
);

proof('4. one token at two gateways at once is used once', async () => {
  for (let round = 0; round < 5; round++) {
    const bearer = jwt();
    const seen = upstream.seen.length;
    const answers = await Promise.all([0, 1, 0, 1].map((gateway) => proxied(bearer, passport.token, { method: 'DELETE' }, gateway)));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1, JSON.stringify(answers.map(({ status }) => status)));
    assert.equal(upstream.seen.length, seen + 1);
  }
});

proof('3. no forged or misused session opens anything', async () => {
  const link = new URL(await loginLink(platform, acme.owner.email)).searchParams.get('token');
  const signedIn = await platform.api()('POST', '/v1/auth/magic-link/verify', { token: link });
  const session: string = signedIn.body.session_token;
  const who = (bearer: string): Promise<Answer> => platform.api(bearer)('GET', '/v1/me');
  assert.equal((await who(session)).status, 200);
  const [head, payload, signature] = parts(session);
  const genuine = signature.toString('base64url');
  const body = session.split('.')[1];
  const rows: Forgery[] = [
    ...forgeriesOf(session, publicJwk),
    {
      what: 'another member',
      token: `${base64url(head)}.${base64url({ ...payload, sub: other.owner.id })}.${genuine}`,
      reason: 'bad_signature',
    },
    {
      what: 'as an access token',
      token: `${base64url({ ...head, typ: 'at+jwt' })}.${body}.${genuine}`,
      reason: 'bad_signature',
    },
    { what: 'as an agent token', token: `${base64url({ ...head, typ: 'JWT' })}.${body}.${genuine}`, reason: 'wrong_credential_kind' },
    {
      what: 'as a passport',
      token: `${base64url({ ...head, typ: 'passport+jwt' })}.${body}.${genuine}`,
      reason: 'wrong_credential_kind',
    },
    { what: 'signed by an agent', token: ed25519(head, payload, key), reason: 'bad_signature' },
  ];
  for (const { what, token, reason } of rows) {
    assertRefused(`${what} as a session`, await who(token), reason);
    assert.notEqual((await proxied(token, passport.token)).status, 200, what);
  }
  const asPassport = await proxied(jwt(), session);
  assertRefused('a session as a passport', asPassport, 'wrong_credential_kind');
  assert.equal((await who(session)).status, 200);
});

proof('3. a deleted agent is nobody', async () => {
  const gone = await ownAgent(acme.api, 'gone');
  const { passport: its } = await startMission(acme.api, gone.id);
  assert.equal((await acme.api('DELETE', `/v1/agents/${gone.id}`)).status, 200);
  const bearer = (): string => ed25519({ alg: 'EdDSA', typ: 'JWT' }, claims({ sub: gone.id }), gone.privateKey);
  assertRefused('a deleted agent', await platform.api(bearer())('GET', `/v1/agents/${gone.id}`), 'not_enrolled');
  const seen = upstream.seen.length;
  for (const gateway of [0, 1]) assert.equal((await proxied(bearer(), its.token, {}, gateway)).status, 401);
  assert.equal(upstream.seen.length, seen);
});
