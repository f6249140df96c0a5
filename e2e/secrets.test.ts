/** Planted secrets, looked for in every form that software leaves them in, wherever the platform keeps or says anything (api.md acceptance 20). */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { createOperator } from '@sallyport/contracts/operations/operator.ts';
import { connectHost } from '@sallyport/service-kit/host.ts';
import { type Constellation, constellation } from '@sallyport/testing/constellation.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrolledAgent, startMission } from './support/agent.ts';
import { apiOf } from './support/api.ts';
import { busOf } from './support/host.ts';
import {
  answered,
  approveDevice,
  authorize,
  codeForm,
  consent,
  pagesOver,
  postForm,
  refresh,
  register,
  signIn,
  tokenOf,
} from './support/sign-in.ts';
import { json, startUpstream, type Upstream } from './support/upstream.ts';

/** Characters that change under URL, JSON and base64 encodings. */
const CREDENTIAL = 'ghp_pl"ant\\ed/+=&tok~en0123456789';
const BODY_SECRET = 'body-"secret"/in+the=call&0123456789';
const REPLACED = 'ghp_second"plant\\ed/+=&0123456789';

/** How upstreams say a credential back without meaning to, and not word for word: content type, body, `Location`. */
const escaped = [...CREDENTIAL].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
const ECHOES: Record<string, [type: string, body: string, location?: string]> = {
  'json-key': ['application/json', `{"${escaped}":1}`],
  'json-deep': ['application/json', `${'['.repeat(100_000)}"${escaped}"${']'.repeat(100_000)}`],
  'json-in-json': ['application/json', JSON.stringify({ log: JSON.stringify({ auth: CREDENTIAL }) })],
  'json-cut-off': ['application/json', `{"error":${JSON.stringify(CREDENTIAL)}`],
  html: ['text/html', `<p>${CREDENTIAL.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}</p>`],
  form: ['application/x-www-form-urlencoded', new URLSearchParams({ token: CREDENTIAL }).toString()],
  redirect: ['text/plain', 'moved', `https://api.github.com/?token=${encodeURIComponent(CREDENTIAL)}`],
};

let platform: Constellation;
let upstream: Upstream;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const answers: string[] = [];
const planted: Record<string, string> = { credential: CREDENTIAL, replaced: REPLACED, body: BODY_SECRET };

function forms(secret: string): Map<string, string> {
  const found = new Map<string, string>([
    ['raw', secret],
    ['hex', Buffer.from(secret).toString('hex')],
    ['URL-escaped', encodeURIComponent(secret)],
    ['JSON-escaped', JSON.stringify(secret).slice(1, -1)],
    ['JSON-escaped twice', JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
  ]);
  // Base64 of a text depends on where it begins inside what is encoded: three alignments, without the edges.
  for (const alphabet of ['base64', 'base64url'] as const) {
    for (const shift of [0, 1, 2]) {
      const encoded = Buffer.from('x'.repeat(shift) + secret)
        .toString(alphabet)
        .replace(/=+$/, '');
      found.set(`${alphabet} +${shift}`, encoded.slice(shift === 0 ? 0 : shift + 1, -2));
    }
  }
  return found;
}

function search(text: string, where: string): string[] {
  return Object.entries(planted).flatMap(([name, secret]) =>
    [...forms(secret)].filter(([, form]) => text.includes(form)).map(([form]) => `${name} (${form}) in ${where}`),
  );
}

before(async () => {
  [platform, upstream] = await Promise.all([
    constellation({ env: { SALLYPORT_LOG_LEVEL: 'debug', SALLYPORT_RATE_LIMITS: 'off' } }),
    startUpstream(),
  ]);
});
after(async () => {
  await platform?.stop();
  await upstream?.stop();
});

/** A person and their program, with everything that they were given. */
async function signInAndPlant(): Promise<void> {
  const { baseUrl } = platform;
  const host = await connectHost({ nats_url: platform.natsUrl, password_file: join(platform.dataDir, 'secrets/nats/host'), log: silent });
  const made = await host.ask(createOperator, { name: 'Planted', owner_email: 'planted@example.com', owner_name: 'Pia' });
  await host.close();
  const { api_key, login_url } = answered(made);
  planted['second key'] = api_key;
  planted['login link'] = tokenOf(login_url);
  const { session } = await signIn(baseUrl, login_url);
  planted['session'] = session;
  const gateway = await busOf(platform, 'gateway');
  const pages = pagesOver(() => Promise.resolve(gateway));
  const program = await register(baseUrl);
  const request = await authorize(baseUrl, program);
  const code = await consent(pages, session, request);
  const form = codeForm(program, code);
  const tokens = await postForm(baseUrl, '/oauth/token', form);
  const refreshed = await refresh(baseUrl, tokens.body.refresh_token, program.client_id);
  assert.equal(refreshed.status, 200);
  const device = (await postForm(baseUrl, '/oauth/device_authorization', { client_id: 'sallyport-cli' })).body;
  answered(await approveDevice(pages, session, device.user_code));
  await gateway.close();
  Object.assign(planted, {
    code,
    verifier: program.verifier,
    'access token': tokens.body.access_token,
    'refresh token': tokens.body.refresh_token,
    'next refresh token': refreshed.body.refresh_token,
    'device code': device.device_code,
    'user code': device.user_code,
  });
  assert.equal((await apiOf(baseUrl, refreshed.body.access_token)('GET', '/v1/operator')).status, 200);
  assert.equal((await postForm(baseUrl, '/oauth/revoke', { token: refreshed.body.refresh_token })).status, 200);
  assert.equal((await apiOf(baseUrl, session)('POST', '/v1/auth/logout')).status, 200);
}

test('no planted secret is in a log, the stream, the database or an answer', async () => {
  const operator = apiOf(platform.baseUrl, platform.apiKey);
  upstream.routes.set('/repos/acme/sandbox/echo', (request, response) =>
    json(
      response,
      200,
      {
        you_sent: request.headers.authorization,
        encoded: Buffer.from(String(request.headers.authorization)).toString('base64'),
        again: CREDENTIAL,
      },
      { 'x-echo': String(request.headers.authorization) },
    ),
  );
  const connection = await connectGithub(operator, upstream.url, { oauth_token: CREDENTIAL });
  const agent = await enrolledAgent(operator);
  const started = await startMission(operator, agent.id);
  planted['api key'] = platform.apiKey;
  planted['passport'] = started.passport.token;

  const proxy = async (body: Record<string, unknown>) => {
    const jwt = agent.jwt();
    planted[`jwt ${Object.keys(planted).length}`] = jwt;
    const answer = await apiOf(platform.baseUrl, jwt)(
      'POST',
      '/v1/proxy',
      { service: 'github', ...body },
      { 'x-passport-token': started.passport.token },
    );
    answers.push(JSON.stringify(answer.body) + JSON.stringify([...answer.headers]));
    return answer;
  };
  const echo = 'https://api.github.com/repos/acme/sandbox/echo';
  const echoed = await proxy({ method: 'GET', url: echo });
  assert.equal(echoed.status, 200, JSON.stringify(echoed.body));
  assert.match(JSON.stringify(echoed.body), /\[redacted\]/);
  assert.equal(upstream.seen.at(-1)?.headers.authorization, `Bearer ${CREDENTIAL}`);
  for (const [name, [type, text, location]] of Object.entries(ECHOES)) {
    upstream.routes.set(`/repos/acme/sandbox/hidden/${name}`, (_request, response) =>
      response.writeHead(302, { 'content-type': type, ...(location && { location }) }).end(text),
    );
    // As text: no parser of a test's goes as deep as some of them.
    const response = await fetch(`${platform.baseUrl}/v1/proxy`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${agent.jwt()}`,
        'x-passport-token': started.passport.token,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ service: 'github', method: 'GET', url: `https://api.github.com/repos/acme/sandbox/hidden/${name}` }),
    });
    const hidden = await response.text();
    assert.equal(response.status, 200, `${name}: ${hidden.slice(0, 200)}`);
    assert.match(hidden, /"entry_id":"aud_/, name);
    assert.match(hidden, /\[redacted\]/, name);
    assert.ok(!hidden.includes(escaped), name);
    answers.push(hidden);
  }
  assert.equal((await proxy({ method: 'POST', url: echo, body: { password: BODY_SECRET }, query: { token: BODY_SECRET } })).status, 200);
  for (const bad of [
    { method: 'GET', url: `https://user:${encodeURIComponent(BODY_SECRET)}@api.github.com/` },
    {
      method: 'POST',
      url: 'https://api.github.com/repos/acme/sandbox/issues',
      body: 5,
      headers: { 'content-type': `text/${BODY_SECRET}` },
    },
    { method: 'GET', url: 'http://127.0.0.1:1/', headers: { 'x-secret': BODY_SECRET } },
  ])
    await proxy(bad);
  const replaced = await operator('PUT', `/v1/services/connections/${connection.id}/credential`, { credential: REPLACED });
  answers.push(JSON.stringify(replaced.body));
  assert.equal(replaced.status, 200);
  await signInAndPlant();
  const wrong = await operator('POST', '/v1/services/connect', {
    service_id: 'github',
    oauth_token: CREDENTIAL,
    scopes: 7,
    nonsense: BODY_SECRET,
  });
  answers.push(JSON.stringify(wrong.body));
  assert.equal(wrong.status, 400);
  for (const path of [
    '/v1/audit?attempts=all&limit=100',
    '/v1/services/connected',
    '/v1/security-events',
    '/v1/agents',
    '/v1/passports/active',
    '/metrics',
  ])
    answers.push(JSON.stringify((await operator('GET', path)).body));
  await eventually(async () => (await operator('GET', '/v1/audit?limit=100')).body.entries.length > 5);

  const found = answers.flatMap((answer, i) => search(answer, `answer ${i}`).filter((hit) => !hit.startsWith('body (') || i > 1));
  let files = 0;
  for (const entry of await readdir(platform.dataDir, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const name = relative(platform.dataDir, file);
    if (!entry.isFile() || name.startsWith('secrets/') || name === 'env') continue;
    files++;
    found.push(...search((await readFile(file).catch(() => Buffer.alloc(0))).toString('latin1'), name));
  }
  assert.ok(files > 20, 'the data folder was read');
  assert.deepEqual(found, []);
});

test('the search would find a secret that was left behind', () => {
  for (const [form, text] of forms(CREDENTIAL)) assert.ok(search(`before ${text} after`, form).length > 0, form);
  const json = JSON.stringify({ header: `Bearer ${CREDENTIAL}` });
  assert.ok(search(json, 'json').length > 0);
  assert.ok(search(Buffer.from(json).toString('base64'), 'base64 of json').length > 0 || !json.includes(CREDENTIAL));
});
