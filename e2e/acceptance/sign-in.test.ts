/** Sign-in of people (api.md §3.1, §3.6): links, sessions, the cookie, and what ends them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { aggregateSubject } from '@sallyport/bus/subjects.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { loginLinkMade } from '@sallyport/contracts/facts/sign-in.ts';
import { createOperator } from '@sallyport/contracts/operations/operator.ts';
import { loginLink } from '@sallyport/contracts/operations/sign-in.ts';
import { SMTPServer } from 'smtp-server';
import { eventually } from '@sallyport/testing/time.ts';
import { type Answer, apiOf, why } from '../support/api.ts';
import { enrolledAgent } from '../support/agent.ts';
import { lateBusOf, writeFacts } from '../support/host.ts';
import { newEmail, testPlatform, type TestOperator } from '../support/platform.ts';
import { ROOT } from '../support/python.ts';
import { pagesOver, signIn, tokenOf, tokensByCode } from '../support/sign-in.ts';

interface Mail {
  to: string;
  text: string;
}
const mails: Mail[] = [];
const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData: (stream, session, done) => {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => {
      const to = session.envelope.rcptTo.map(({ address }) => address).join(' ');
      mails.push({ to, text: Buffer.concat(parts).toString().replaceAll('=\r\n', '').replaceAll('=3D', '=') });
      done();
    });
  },
});
// Without a host it listens at once: hooks must not be registered after an await.
const listening = smtp.listen(0).address();
const smtpPort = typeof listening === 'object' && listening ? listening.port : 0;

const mailed = (email: string): Promise<string> =>
  eventually(async () => {
    const text = mails.find(({ to }) => to === email)?.text ?? assert.fail(`no mail to ${email}`);
    return /http:\/\/\S+\/invite\/\S+/.exec(text)?.[0] ?? assert.fail(text);
  });
const platform = testPlatform({ env: { SALLYPORT_SMTP_URL: `smtp://127.0.0.1:${smtpPort}` }, mailed });
const passports = lateBusOf(() => platform.constellation, 'passports');
const gateway = lateBusOf(() => platform.constellation, 'gateway');
const pages = pagesOver(gateway.get);
after(async () => {
  await Promise.all([passports.close(), gateway.close()]);
  await new Promise<void>((resolve) => smtp.close(resolve));
});

const verify = (token: string, headers: Record<string, string> = {}): Promise<Answer> =>
  platform.api()('POST', '/v1/auth/magic-link/verify', { token }, headers);
const EXPIRED = [401, 'UNAUTHORIZED', 'expired'];
const ENDED = [401, 'UNAUTHORIZED', 'session_ended'];

/** One read of every service that owns operations. */
const DOORS = ['/v1/me', '/v1/operator', '/v1/services/connected', '/v1/audit', '/v1/security-events'];

/** A further session of the operator's owner. */
async function another(acme: TestOperator): Promise<string> {
  const { links } = await eventually(() => platform.asHost(loginLink, { email: acme.owner.email }));
  return links[0].login_url;
}

test('a link signs its member in once; used, old, forged and malformed ones do not', async () => {
  const acme = await platform.newOperator();
  const token = tokenOf(acme.login_url);
  assert.deepEqual(why(await verify(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)), EXPIRED);
  const answer = await verify(token);
  assert.equal(answer.status, 200);
  assert.deepEqual([answer.body.member.id, answer.body.member.role], [acme.owner.id, 'owner']);
  const lives = Date.parse(answer.body.expires_at) - Date.now();
  // The ledger's clock counts, which need not be this one's to the millisecond.
  assert.ok(Math.abs(lives - 24 * 3_600_000) < 60_000, String(lives));
  assert.deepEqual(why(await verify(token)), EXPIRED);
  for (const bad of ['x', 'll_', `rt_${token.slice(3)}`, `${token} `, token.replace('.', '..')])
    assert.deepEqual(why(await verify(bad)), EXPIRED, bad);

  const old = `ll_${acme.operator_id.slice(3)}.oldlink.${'A'.repeat(43)}`;
  const made = { member_id: acme.owner.id, sha256: createHash('sha256').update(old).digest('hex'), expires_at_ms: Date.now() - 1_000 };
  await writeFacts(await passports.get(), aggregateSubject(acme.operator_id, 'login', 'oldlink'), acme.operator_id, [
    draft(loginLinkMade, made),
  ]);
  assert.deepEqual(why(await verify(old)), EXPIRED);
});

test('of fifty uses of one link at once one signs in', async () => {
  const acme = await platform.newOperator();
  const token = tokenOf(acme.login_url);
  const answers = await Promise.all(Array.from({ length: 50 }, () => verify(token)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
});

test('the session is a cookie that no script, no other site and no plain connection gets, and never one that was there before', async () => {
  const acme = await platform.newOperator();
  const first = await verify(tokenOf(acme.login_url));
  const planted = `__Host-sallyport_session=${first.body.session_token}`;
  const second = await verify(tokenOf(await another(acme)), { cookie: planted });
  const cookie = second.headers.get('set-cookie') ?? '';
  for (const attribute of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']) assert.ok(cookie.includes(`; ${attribute}`), attribute);
  assert.doesNotMatch(cookie, /domain/i);
  assert.ok(cookie.startsWith(`__Host-sallyport_session=${second.body.session_token};`));
  const sid = (token: string): unknown => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sid;
  assert.notEqual(sid(first.body.session_token), sid(second.body.session_token));
  assert.equal(second.body.session_token.includes(tokenOf(acme.login_url)), false);
});

test('by cookie, what changes something needs our own origin', async () => {
  const acme = await platform.newOperator();
  const { session, api } = await signIn(platform.baseUrl, acme.login_url);
  const cookie = `__Host-sallyport_session=${session}`;
  const anonymous = platform.api();
  assert.equal((await anonymous('GET', '/v1/operator', undefined, { cookie })).status, 200);
  for (const origin of [undefined, 'null', 'https://evil.example', platform.baseUrl.replace('127.0.0.1', 'localhost')]) {
    const headers = { cookie, ...(origin !== undefined && { origin }) };
    assert.deepEqual(why(await anonymous('POST', '/v1/auth/logout', undefined, headers)), [403, 'FORBIDDEN', 'csrf'], String(origin));
    assert.deepEqual(
      why(await anonymous('POST', '/v1/operator/freeze', { reason: 'x' }, headers)),
      [403, 'FORBIDDEN', 'csrf'],
      String(origin),
    );
  }
  assert.equal((await api('GET', '/v1/operator')).body.frozen, false);
  const own = await anonymous('POST', '/v1/auth/logout', undefined, { cookie, origin: platform.baseUrl });
  assert.deepEqual([own.status, own.body], [200, { ended: true }]);
  assert.match(own.headers.get('set-cookie') ?? '', /^__Host-sallyport_session=; Max-Age=0;/);
});

test('a logout ends the session at every service at once, and no other session', async () => {
  const acme = await platform.newOperator();
  const first = await signIn(platform.baseUrl, acme.login_url);
  const second = await signIn(platform.baseUrl, await another(acme));
  for (const path of DOORS) assert.equal((await first.api('GET', path)).status, 200, path);
  assert.equal((await first.api('POST', '/v1/auth/logout')).status, 200);
  for (const path of DOORS) assert.deepEqual(why(await first.api('GET', path)), ENDED, path);
  for (const path of DOORS) assert.equal((await second.api('GET', path)).status, 200, path);
  assert.deepEqual(why(await acme.api('POST', '/v1/auth/logout')), [401, 'UNAUTHORIZED', 'wrong_credential_kind']);
  const rows = await eventually(async () => {
    const { entries } = (await acme.api('GET', '/v1/audit?limit=100')).body;
    const actions = entries.map(({ action }: { action: string }) => action);
    return actions.includes('auth.logout') && actions;
  });
  assert.equal(rows.filter((action: string) => action === 'auth.login').length, 2);
});

test('a removed member, and one whose role was lowered, is so on the next request of any session or token', async () => {
  const acme = await platform.newOperator();
  const ada = await acme.memberKey('admin');
  const session = await ada.signIn();
  const tool = apiOf(platform.baseUrl, (await tokensByCode(platform.baseUrl, pages, session.session)).access_token);
  const freeze = { reason: 'try' };
  assert.equal((await session.api('POST', '/v1/operator/freeze', freeze)).status, 200);
  assert.equal((await tool('POST', '/v1/operator/unfreeze', freeze)).status, 200);

  const owner = await signIn(platform.baseUrl, acme.login_url);
  assert.equal((await owner.api('PATCH', `/v1/team/members/${ada.member_id}`, { role: 'readonly' })).status, 200);
  for (const api of [session.api, tool])
    assert.deepEqual(why(await api('POST', '/v1/operator/freeze', freeze)), [403, 'FORBIDDEN', 'role']);
  for (const api of [session.api, tool]) assert.equal((await api('GET', '/v1/operator')).status, 200);
  assert.equal((await owner.api('DELETE', `/v1/team/members/${ada.member_id}`)).status, 200);
  for (const api of [session.api, tool]) for (const path of DOORS) assert.deepEqual(why(await api('GET', path)), ENDED, path);
});

test('the first sign-in ends the first run: the operator key loosens nothing any more', async () => {
  const acme = await platform.newOperator();
  const invite = (): object => ({ email: newEmail('invited'), name: 'Invited' });
  assert.equal((await acme.api('POST', '/v1/team/members', invite())).status, 201);
  const { api } = await signIn(platform.baseUrl, acme.login_url);
  const refused = await acme.api('POST', '/v1/team/members', invite());
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'GOVERNANCE_APPROVAL_REQUIRED']);
  assert.equal((await api('POST', '/v1/team/members', invite())).status, 201);
});

test('every credential can ask who it is', async () => {
  const acme = await platform.newOperator();
  const key = (await acme.api('GET', '/v1/me')).body;
  assert.deepEqual(key.principal, { type: 'operator', id: acme.operator_id, role: null });
  assert.deepEqual([key.expires_at, key.scopes, key.allowed_connections], [null, null, null]);
  const agent = await enrolledAgent(acme.api);
  const mine = (await platform.api(agent.jwt())('GET', '/v1/me')).body;
  assert.deepEqual(mine.principal, { type: 'agent', id: agent.id, role: null });
  const { session, api } = await signIn(platform.baseUrl, acme.login_url);
  const me = (await api('GET', '/v1/me')).body;
  assert.deepEqual([me.principal, me.operator_id], [{ type: 'member', id: acme.owner.id, role: 'owner' }, acme.operator_id]);
  assert.ok(Date.parse(me.expires_at) > Date.now());
  const tokens = await tokensByCode(platform.baseUrl, pages, session, 'agents:read audit:read unknown:scope');
  const tool = (await platform.api(tokens.access_token)('GET', '/v1/me')).body;
  assert.deepEqual(tool.scopes, ['agents:read', 'audit:read']);
  assert.ok(Date.parse(tool.expires_at) - Date.now() <= 300_000);
  for (const path of ['/v1/me', '/v1/operator'])
    assert.deepEqual(why(await platform.api()('GET', path)), [401, 'UNAUTHORIZED', 'missing'], path);
});

test('a token counts for what its type says, signed by the key for that, and for nothing else', async () => {
  const acme = await platform.newOperator();
  const { session, api } = await signIn(platform.baseUrl, acme.login_url);
  assert.equal((await api('GET', '/v1/me')).status, 200);
  const [head = '', body = '', signature = ''] = session.split('.');
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = JSON.parse(Buffer.from(head, 'base64url').toString());
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  const published = (await platform.api()('GET', '/v1/.well-known/jwks.json')).body.keys;
  assert.ok(
    published.every(({ kid }: { kid: string }) => kid !== header.kid),
    'the key of sessions is not one of passports',
  );
  const cases: [string, string][] = [
    [`${head}.${part({ ...claims, sub: 'mem_01kt16jmk8es8r65rzyjka792g' })}.${signature}`, 'bad_signature'],
    [`${part({ ...header, typ: 'at+jwt' })}.${body}.${signature}`, 'bad_signature'],
    [`${part({ ...header, alg: 'none' })}.${body}.${signature}`, 'malformed'],
    [`${part({ ...header, jwk: published[0] })}.${body}.${signature}`, 'malformed'],
    [`${part({ ...header, kid: published[0].kid })}.${body}.${signature}`, 'bad_signature'],
    [`${part({ ...header, kid: undefined })}.${body}.${signature}`, 'bad_signature'],
    [`${part({ ...header, typ: 'JWT' })}.${body}.${signature}`, 'wrong_credential_kind'],
    [`${part({ ...header, typ: 'passport+jwt' })}.${body}.${signature}`, 'wrong_credential_kind'],
    [`${head}.${body}.${signature}.`, 'malformed'],
    [`${head}.${body}`, 'malformed'],
  ];
  for (const [token, reason] of cases)
    for (const path of DOORS)
      assert.deepEqual(why(await platform.api(token)('GET', path)), [401, 'UNAUTHORIZED', reason], `${path} ${reason}`);
  // Another operator's session shows that operator, whatever is asked for.
  const other = await platform.newOperator('Other');
  const agent = await other.api('POST', '/v1/agents/register', { name: 'theirs' });
  assert.equal((await api('GET', `/v1/agents/${agent.body.id}`)).status, 404);
});

test('every address gets the same answer; only a member gets a mail, and its link signs in', async () => {
  const email = newEmail('mailed');
  const made = await platform.asHost(createOperator, { name: 'Mail & Co', owner_email: email.toUpperCase(), owner_name: 'Ada' });
  const ask = (address: string): Promise<Answer> => platform.api()('POST', '/v1/auth/magic-link', { email: address });
  // An address gets five mails in a quarter of an hour, whether it is found yet or not.
  await eventually(() => platform.asHost(loginLink, { email }));
  await ask(email);
  await eventually(() => mails.some(({ to }) => to.toLowerCase() === email.toLowerCase()));
  const stranger = newEmail('stranger');
  const answers = [await ask(email), await ask(stranger), await ask(`${email}, ${stranger}`.slice(0, 60))];
  assert.deepEqual([answers[0]?.status, answers[0]?.body], [202, { sent: true }]);
  assert.deepEqual([answers[1]?.status, answers[1]?.body], [202, { sent: true }]);
  assert.equal(answers[2]?.status, 400);
  const names = (answer: Answer | undefined): string[] => [...(answer?.headers.keys() ?? [])].sort();
  assert.deepEqual(names(answers[0]), names(answers[1]));
  const link =
    /http:\/\/\S+\/login\?token=\S+/.exec(mails.findLast(({ to }) => to.toLowerCase() === email.toLowerCase())?.text ?? '')?.[0] ??
    assert.fail('no link in the mail');
  const { api } = await signIn(platform.baseUrl, link);
  assert.equal((await api('GET', '/v1/operator')).body.id, made.operator.id);
  assert.ok(!mails.some(({ to }) => to.includes(stranger)));
});

test('an invitation goes to the invited one by mail alone, once for each time that somebody invites', async () => {
  const acme = await platform.newOperator('Mail & Co');
  const email = newEmail('invited');
  const invite = (idempotencyKey: string): Promise<Answer> =>
    acme.api('POST', '/v1/team/members', { email, name: 'Ada' }, { 'idempotency-key': idempotencyKey });
  const first = await invite('once');
  assert.deepEqual([first.status, first.body.status, 'invite_url' in first.body], [201, 'invited', false], JSON.stringify(first.body));
  const repeat = await invite('once');
  assert.deepEqual([repeat.headers.get('idempotency-replayed'), repeat.body], ['true', first.body]);
  assert.equal((await invite('again')).status, 201);
  const texts = await eventually(async () => {
    const mine = mails.filter(({ to }) => to === email).map(({ text }) => text);
    assert.equal(mine.length, 2);
    return mine;
  });
  assert.ok(texts.every((text) => text.includes('Mail & Co')));
  const accept = (text: string | undefined): Promise<Answer> => {
    const url = new URL(/http:\/\/\S+\/invite\/\S+/.exec(text ?? '')?.[0] ?? '');
    assert.equal(url.pathname, `/invite/${first.body.id}`);
    return platform.api()('POST', `/v1/team/members/${first.body.id}/accept`, { token: url.searchParams.get('token') });
  };
  // The mails of two invitations may overtake each other; one of the links is void.
  const answers = [await accept(texts[0]), await accept(texts[1])].map(({ status }) => status);
  assert.equal(answers.filter((status) => status === 200).length, 1, JSON.stringify(answers));
  assert.equal(mails.filter(({ to }) => to === email).length, 2, 'a repeat is no third mail');
});

test('on the host, a link is printed for a member and for nobody else', async () => {
  const acme = await platform.newOperator();
  const typed = (...args: string[]): Promise<{ code: number; stdout: string }> =>
    new Promise((resolve) => {
      const env = { PATH: process.env['PATH'], SALLYPORT_DATA: platform.constellation.dataDir };
      execFile(process.execPath, [join(ROOT, 'libs/cli/bin/sallyport.mjs'), 'admin', ...args], { env }, (error, stdout) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout }),
      );
    });
  const printed = await eventually(async () => {
    const one = await typed('login-link', acme.owner.email);
    return one.code === 0 && one.stdout.trim();
  });
  const { api } = await signIn(platform.baseUrl, printed || '');
  assert.equal((await api('GET', '/v1/operator')).body.id, acme.operator_id);
  assert.equal((await typed('login-link', newEmail('nobody'))).code, 5);
  assert.equal((await typed('login-link', 'no address')).code, 2);
  const made = await typed('operator', 'create', 'By hand', newEmail('by-hand'), 'Hanna', '--json');
  const { operator, login_url } = JSON.parse(made.stdout);
  assert.equal((await (await signIn(platform.baseUrl, login_url)).api('GET', '/v1/operator')).body.id, operator.id);
  assert.deepEqual((await typed('keys', 'list')).stdout.match(/^(passport|session) .* active /gm)?.length, 2);
});
