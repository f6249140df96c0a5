/** The pages for people in a real browser: keyboard, screen reader, both schemes, and what other sites can do to them (api.md §3.6, §5.2). */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, beforeEach, type TestContext, test } from 'node:test';
import { requires } from '@sallyport/testing/requires.ts';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { apiOf } from '../support/api.ts';
import { barriers, openBrowser, type Person, person, press } from '../support/browser.ts';
import { foreignSite, listener } from '../support/listener.ts';
import { type TestOperator, testPlatform } from '../support/platform.ts';
import { loginLink } from '../support/login-link.ts';
import { consentUrl } from '../support/sign-in.ts';

const chromium = await requires('chromium');
const { skip } = chromium;
const SESSION = '__Host-sallyport_session';

const platform = testPlatform();
let browser: Browser;
let operator: TestOperator;
let agentId: string;

after(() => browser?.close());

/** Once, by whichever test comes first: hooks of a file start side by side. */
let prepared: Promise<void> | undefined;
function prepare(): Promise<void> {
  prepared ??= (async () => {
    browser = await openBrowser(chromium.path);
    operator = await platform.newOperator();
    agentId = (await operator.api('POST', '/v1/agents/register', { name: 'autogen-assistant', description: 'GitHub triage bot' })).body.id;
  })();
  return prepared;
}
beforeEach(() => (skip ? undefined : prepare()));

const loginUrl = (): Promise<string> => loginLink(platform, operator.owner.email);
const at = (path: string): string => platform.baseUrl + path;
const bootstrap = (callback: string, state = 'st'): string =>
  at(
    `/sdk-bootstrap?${new URLSearchParams({ agent_id: agentId, callback, state, machine: 'ada-laptop.local', process: 'python triage.py' }).toString()}`,
  );

/** Somebody with an empty browser, who leaves at the end of the test. */
async function visitor(t: TestContext, options: BrowserContextOptions = {}): Promise<Person> {
  const who = await person(browser, options);
  t.after(() => who.context.close());
  return who;
}

async function signedIn(t: TestContext, options: BrowserContextOptions = {}): Promise<Person> {
  const who = await visitor(t, options);
  await who.page.goto(await loginUrl());
  await who.page.getByRole('button', { name: 'Sign in' }).click();
  await who.page.waitForURL(at('/me'));
  return who;
}

async function sessionOf({ context }: Person): Promise<string | undefined> {
  return (await context.cookies()).find(({ name }) => name === SESSION)?.value;
}

async function deviceCode(): Promise<{ user_code: string; verification_uri_complete: string; device_code: string }> {
  const body = new URLSearchParams({ client_id: 'sallyport-cli', scope: 'agents:read' });
  const response = await fetch(at('/oauth/device_authorization'), { method: 'POST', body });
  assert.equal(response.status, 200);
  return (await response.json()) as { user_code: string; verification_uri_complete: string; device_code: string };
}

test('a person signs in with the keyboard alone, and the link works once', { skip }, async (t) => {
  const { page, context, complaints } = await visitor(t);
  const link = await loginUrl();
  await page.goto(link);
  assert.equal(await page.title(), 'Sign in · Sallyport');
  // Looking at the link does not use it up.
  await page.reload();
  await press(page, 'Sign in');
  await page.waitForURL(at('/me'));
  const said = await page.getByRole('main').innerText();
  for (const shown of ['Olivia', operator.owner.email, 'Acme', 'owner']) assert.ok(said.includes(shown), shown);
  assert.deepEqual(complaints(), []);
  const [cookie] = (await context.cookies()).filter(({ name }) => name === SESSION);
  assert.ok(cookie);
  assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path], [true, true, 'Strict', '/']);
  assert.ok(cookie.expires > Date.now() / 1000 + 23 * 3600);

  await page.goto(link);
  await page.getByRole('button', { name: 'Sign in' }).click();
  assert.match(await page.getByRole('alert').innerText(), /works once/);
  await page.goto(at('/me'));
  await press(page, 'Sign out');
  await page.waitForURL(/\/login\?ended=1$/);
  assert.match(await page.getByRole('status').innerText(), /signed out/);
  assert.equal(
    (await context.cookies()).some(({ name }) => name === SESSION),
    false,
  );
  // The session itself is over, not only its cookie.
  const gone = await fetch(at('/v1/me'), { headers: { cookie: `${SESSION}=${cookie.value}` } });
  assert.equal(gone.status, 401);
});

test('whoever asks for a link is told the same for every address, and a wrong one is said beside the field', { skip }, async (t) => {
  const { page, complaints } = await visitor(t);
  const texts: string[] = [];
  for (const email of [operator.owner.email, 'nobody@example.com']) {
    await page.goto(at('/login'));
    await page.getByLabel('E-mail address').fill(email);
    await page.keyboard.press('Enter');
    await page.waitForURL(at('/login/sent'));
    texts.push(await page.getByRole('main').innerText());
  }
  assert.equal(texts[0], texts[1]);
  await page.goto(at('/login'));
  await page.evaluate('document.forms[0].noValidate = true');
  await page.getByLabel('E-mail address').fill('ada@');
  await page.keyboard.press('Enter');
  assert.match(await page.getByRole('alert').innerText(), /whole e-mail address/);
  assert.equal(await page.getByLabel('E-mail address').inputValue(), 'ada@');
  assert.deepEqual(
    complaints().filter((text) => !text.includes('400')),
    [],
  );
});

test('signing in leads on to where the person wanted to go, and never to another site', { skip }, async (t) => {
  const here = await visitor(t);
  await here.page.goto(at('/device'));
  assert.equal(new URL(here.page.url()).pathname, '/login');
  await here.page.goto(await loginUrl());
  await here.page.getByRole('button', { name: 'Sign in' }).click();
  await here.page.waitForURL(at('/device'));

  for (const next of [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/%5cevil.example',
    '/.//evil.example',
    'javascript:alert(1)',
  ]) {
    const { page } = await visitor(t);
    const link = new URL(await loginUrl());
    link.searchParams.set('next', next);
    await page.goto(link.href);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL((url) => url.pathname !== '/login');
    assert.equal(new URL(page.url()).origin, platform.baseUrl, next);
  }
});

test('a session that somebody planted is replaced by the sign-in, and is nobody', { skip }, async (t) => {
  const attacker = await signedIn(t);
  const planted = await sessionOf(attacker);
  const victim = await visitor(t);
  await victim.context.addCookies([
    {
      name: SESSION,
      value: planted ?? '',
      url: platform.baseUrl.replace('http:', 'https:'),
      secure: true,
      httpOnly: true,
      sameSite: 'Strict',
    },
  ]);
  await victim.page.goto(await loginUrl());
  await victim.page.getByRole('button', { name: 'Sign in' }).click();
  await victim.page.waitForURL(at('/me'));
  assert.notEqual(await sessionOf(victim), planted);
  // A value that nobody signed does not become a session by signing in.
  const fixed = await visitor(t);
  await fixed.context.addCookies([
    {
      name: SESSION,
      value: 'eyJhbGciOiJFZERTQSJ9.e30.AAAA',
      url: platform.baseUrl.replace('http:', 'https:'),
      secure: true,
      httpOnly: true,
      sameSite: 'Strict',
    },
  ]);
  await fixed.page.goto(at('/me'));
  assert.equal(new URL(fixed.page.url()).pathname, '/login');
  assert.equal(await sessionOf(fixed), undefined);
});

test('an enrolment is approved with the keyboard, the ticket goes to the listener and the session does not', { skip }, async (t) => {
  const { page, complaints } = await signedIn(t);
  const client = await listener(t);
  await page.goto(bootstrap(client.callback, 'st&te'));
  const main = await page.getByRole('main').innerText();
  for (const shown of [
    'autogen-assistant',
    agentId,
    'ada-laptop.local',
    'python triage.py',
    'None yet',
    new URL(client.callback).host,
    operator.owner.email,
  ]) {
    assert.ok(main.includes(shown), shown);
  }
  await press(page, 'Approve');
  const { query, headers } = await client.answered();
  await page.waitForURL(`${client.callback}?**`);
  assert.match(query.get('ticket') ?? '', /^tkt_[0-9a-hjkmnp-tv-z]{52}$/);
  assert.equal(query.get('state'), 'st&te');
  assert.equal(headers.cookie, undefined, 'a listener on the same host gets no session');
  assert.equal(headers.referer, undefined);
  assert.deepEqual(complaints(), []);

  const refused = await listener(t);
  await page.goto(bootstrap(refused.callback));
  await press(page, 'Deny');
  const said = await refused.answered();
  assert.equal(said.query.get('error'), 'denied');
  assert.equal(said.query.get('state'), 'st');
  assert.equal(said.query.get('ticket'), null);
});

test('an enrolment with another callback than 127.0.0.1 sends nothing anywhere', { skip }, async (t) => {
  const { page } = await signedIn(t);
  const client = await listener(t);
  const { port } = new URL(client.callback);
  const elsewhere = [
    `http://localhost:${port}/cb`,
    `http://127.0.0.1:${port}@127.0.0.1:${port}/cb`,
    `http://0x7f000001:${port}/cb`,
    `https://127.0.0.1:${port}/cb`,
  ];
  for (const callback of elsewhere) {
    await page.goto(bootstrap(callback));
    assert.match(await page.getByRole('alert').innerText(), /nothing was sent/);
    assert.equal(await page.getByRole('button').count(), 0);
  }
  assert.equal(client.count(), 0);
});

test('a client gets its code after consent, nothing but access_denied after a refusal, and never the session', { skip }, async (t) => {
  const { page, complaints } = await signedIn(t);
  const client = await listener(t, '/callback');
  const { url, client_id, verifier } = await consentUrl(platform.baseUrl, client.callback);
  await page.goto(url);
  assert.equal(new URL(page.url()).pathname, '/oauth/consent');
  const main = await page.getByRole('main').innerText();
  for (const shown of [
    'STACK Python SDK on ada-laptop.local',
    client_id,
    new URL(client.callback).host,
    operator.owner.email,
    'credentials:read',
  ]) {
    assert.ok(main.includes(shown), shown);
  }
  await press(page, 'Allow');
  const { query, headers } = await client.answered();
  await page.waitForURL(`${client.callback}?**`);
  assert.equal(query.get('state'), 'st');
  assert.equal(headers.cookie, undefined);
  assert.equal(headers.referer, undefined);
  assert.deepEqual(complaints(), []);
  const form = {
    grant_type: 'authorization_code',
    code: query.get('code') ?? '',
    redirect_uri: client.callback,
    client_id,
    code_verifier: verifier,
  };
  const tokens = await fetch(at('/oauth/token'), { method: 'POST', body: new URLSearchParams(form) });
  assert.equal(tokens.status, 200);
  const { access_token, scope } = (await tokens.json()) as { access_token: string; scope: string };
  assert.equal(scope, 'agents:read passports:write credentials:read');
  assert.equal((await apiOf(platform.baseUrl, access_token)('GET', '/v1/agents')).status, 200);

  const refused = await listener(t, '/callback');
  await page.goto((await consentUrl(platform.baseUrl, refused.callback)).url);
  await press(page, 'Deny');
  const said = (await refused.answered()).query;
  await page.waitForURL(`${refused.callback}?**`);
  assert.equal(said.get('error'), 'access_denied');
  assert.equal(said.get('code'), null);
});

test('a device is let in by a person who says that the code is on it, and by nobody’s link alone', { skip }, async (t) => {
  const { page, complaints } = await signedIn(t);
  const { user_code, verification_uri_complete, device_code } = await deviceCode();
  const poll = async (): Promise<{ error?: string; access_token?: string }> => {
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code,
      client_id: 'sallyport-cli',
    });
    return (await fetch(at('/oauth/token'), { method: 'POST', body })).json() as Promise<{ error?: string; access_token?: string }>;
  };
  await page.goto(verification_uri_complete);
  const main = await page.getByRole('main').innerText();
  for (const shown of [user_code, 'sallyport-cli', '127.0.0.1', 'agents:read', operator.owner.email])
    assert.ok(main.includes(shown), shown);
  // Without the word nothing happens.
  await page.getByRole('button', { name: 'Allow' }).click();
  assert.match(await page.getByRole('alert').innerText(), /Say first/);
  assert.equal((await poll()).error, 'authorization_pending');
  await press(page, 'My own device', 'Space');
  await press(page, 'Allow');
  assert.match(await page.getByRole('status').innerText(), /Go back to your device/);
  assert.deepEqual(
    complaints().filter((text) => !text.includes('400')),
    [],
  );

  const second = await deviceCode();
  await page.goto(at('/device'));
  assert.equal(await page.getByLabel('Code').inputValue(), '');
  await page.getByLabel('Code').pressSequentially(second.user_code.toLowerCase().replace('-', ''));
  await page.keyboard.press('Enter');
  await page.getByText(second.user_code, { exact: true }).first().waitFor();
  await press(page, 'Deny');
  await page.getByRole('heading', { name: 'Device refused' }).waitFor();

  await page.goto(at('/device?user_code=ZZZZ-ZZZZ'));
  assert.match(await page.getByRole('alert').innerText(), /no device waiting/);
});

test('the link of an invitation leads to a page that shows the new member’s key once', { skip }, async (t) => {
  const fresh = await platform.newOperator('Beta');
  const invited = await fresh.api('POST', '/v1/team/members', {
    email: `grace-${process.pid}@example.com`,
    name: 'Grace <b>Hopper</b>',
    role: 'standard',
  });
  assert.equal(invited.status, 201, JSON.stringify(invited.body));
  const { page, complaints } = await visitor(t);
  await page.goto(invited.body.invite_url);
  await page.reload();
  assert.deepEqual(await barriers(page), []);
  await press(page, 'Accept');
  await page.getByRole('heading', { name: 'Welcome, Grace <b>Hopper</b>' }).waitFor();
  assert.deepEqual(await barriers(page), []);
  const shown = await page.getByRole('main').innerText();
  const [key = ''] = /sk_live_mem_[0-9a-z]+/.exec(shown) ?? [];
  const me = await platform.api(key)('GET', '/v1/me');
  assert.deepEqual([me.status, me.body.principal?.id], [200, invited.body.id]);
  assert.deepEqual(complaints(), []);
  await page.goto(invited.body.invite_url);
  await press(page, 'Accept');
  await page.getByRole('heading', { name: /does not work any more/ }).waitFor();
});

test('names that others chose stand as text on every page, and turn no line around', { skip }, async (t) => {
  const evil = '"><img src=x onerror=alert(1)><svg onload=alert(2)>&lt;b&gt;';
  const turning = `${evil}\u202e\u2066\u200b`;
  const acme = await platform.newOperator(turning);
  const api = platform.api(acme.api_key);
  assert.equal((await api('PATCH', `/v1/team/members/${acme.owner.id}`, { name: turning })).status, 200);
  const invited = await api('POST', '/v1/team/members', { email: `eve-${process.pid}@example.com`, name: turning, role: 'readonly' });
  const agent = (await api('POST', '/v1/agents/register', { name: 'bot' })).body.id;
  const client = { client_name: evil, redirect_uris: ['http://127.0.0.1:49152/%3Cimg%3E'] };
  const { client_id } = (await apiOf(platform.baseUrl)('POST', '/oauth/register', client)).body;
  const asked = { response_type: 'code', client_id, redirect_uri: client.redirect_uris[0] ?? '', scope: `api ${evil}`, state: evil };
  const challenge = { code_challenge: createHash('sha256').update('v').digest('base64url'), code_challenge_method: 'S256' };
  const device = await fetch(at('/oauth/device_authorization'), { method: 'POST', body: new URLSearchParams({ client_id }) });
  const { user_code } = (await device.json()) as { user_code: string };
  const labels = { machine: turning, process: turning, state: evil, callback: 'http://127.0.0.1:49152/x' };
  const query = (given: Record<string, string>): string => new URLSearchParams(given).toString();

  const { page, complaints } = await visitor(t);
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  const look = async (shown: string, where: string): Promise<void> => {
    const text = `${await page.title()} ${await page.getByRole('main').innerText()}`;
    assert.ok(text.includes(shown), `${where}: ${text}`);
    assert.doesNotMatch(text, /[\u202a-\u202e\u2066-\u2069\u200b]/, where);
    assert.equal(await page.locator('main img, main svg, main b, script').count(), 0, where);
  };
  await page.goto(await loginLink(platform, acme.owner.email));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(at('/me'));
  await look(evil, '/me');
  for (const [path, shown] of [
    [`/oauth/authorize?${query({ ...asked, ...challenge })}`, evil],
    [`/device?${query({ user_code })}`, evil],
    [`/device?${query({ user_code: evil })}`, 'no device waiting'],
    [`/sdk-bootstrap?${query({ agent_id: agent, ...labels })}`, evil],
    [`/sdk-bootstrap?${query({ ...labels, agent_id: evil })}`, evil],
    [`/sdk-bootstrap?${query({ ...labels, agent_id: agent, callback: `javascript:${evil}` })}`, 'somewhere else'],
    [`/oauth/authorize?${query({ ...asked, client_id: evil })}`, 'not complete'],
    [`/login?${query({ token: evil, next: `//${evil}` })}`, 'Sign in on this device'],
    [`/invite/${encodeURIComponent(evil)}?${query({ token: evil })}`, 'Join'],
  ] as const) {
    await page.goto(at(path));
    await look(shown, path.slice(0, 60));
  }
  await page.goto(invited.body.invite_url);
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.getByRole('heading', { name: /^Welcome/ }).waitFor();
  await look(evil, 'the welcome');
  assert.deepEqual(dialogs, []);
  assert.deepEqual(
    complaints().filter((text) => !/status of 40[0-9]/.test(text)),
    [],
  );
});

test('a page in a frame of another site does not show', { skip }, async (t) => {
  const { page } = await signedIn(t);
  const client = await listener(t);
  for (const path of ['/login', '/me', '/device', '/oauth/consent?request=x', bootstrap(client.callback).slice(platform.baseUrl.length)]) {
    const url = await foreignSite(t, `<!doctype html><title>x</title><iframe src="${at(path).replaceAll('&', '&amp;')}"></iframe>`);
    await page.goto(url);
    const frame = page.frames().find((one) => one !== page.mainFrame());
    assert.ok(frame);
    assert.doesNotMatch(await frame.content(), /Sallyport/, path);
  }
});

test('a form on another site changes nothing', { skip }, async (t) => {
  const { page } = await signedIn(t);
  const client = await listener(t);
  const fields = { agent_id: agentId, callback: client.callback, state: 's', machine: 'm', process: 'p', decision: 'approve' };
  const { user_code } = await deviceCode();
  const forms: [path: string, fields: Record<string, string>][] = [
    ['/sdk-bootstrap', fields],
    ['/device', { user_code, same_code: 'yes', decision: 'approve' }],
    ['/logout', {}],
    ['/login', { token: new URL(await loginUrl()).searchParams.get('token') ?? '' }],
  ];
  for (const [path, values] of forms) {
    const inputs = Object.entries(values).map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
    const url = await foreignSite(
      t,
      `<!doctype html><title>x</title><form method="post" action="${at(path)}">${inputs.join('')}<button>Win</button></form>`,
    );
    await page.goto(url);
    const answered = page.waitForResponse((response) => response.url() === at(path));
    await page.getByRole('button', { name: 'Win' }).click();
    assert.equal((await answered).status(), 403, path);
  }
  assert.equal(client.count(), 0);
  await page.goto(at('/me'));
  assert.equal(await page.title(), 'Signed in · Sallyport', 'the session is still there');
});

test('a link on another site leads to the page all the same, signed in', { skip }, async (t) => {
  const { page } = await signedIn(t);
  const url = await foreignSite(t, `<!doctype html><title>x</title><a href="${at('/device')}">go</a>`);
  await page.goto(url);
  await page.getByRole('link', { name: 'go' }).click();
  await page.getByRole('heading', { name: 'Sign in a device' }).waitFor();
});

const SHOTS = process.env['PAGE_SHOTS'];

async function eachPage(t: TestContext, page: Page, look: (name: string) => Promise<void>): Promise<void> {
  const client = await listener(t, '/callback');
  const open = async (name: string, url: string): Promise<void> => {
    await page.goto(url);
    await look(name);
  };
  await open('me', at('/me'));
  await open('bootstrap', bootstrap(client.callback));
  await open('bootstrap-foreign', bootstrap('https://evil.example/cb'));
  await open('consent', (await consentUrl(platform.baseUrl, client.callback)).url);
  await open('device', at('/device'));
  const { verification_uri_complete } = await deviceCode();
  await open('device-code', verification_uri_complete);
  await open('device-unknown', at('/device?user_code=ZZZZ-ZZZZ'));
  await page.context().clearCookies();
  await open('login', at('/login'));
  await open('login-ended', at('/login?ended=1'));
  await open('login-sent', at('/login/sent'));
  await open('login-link', await loginUrl());
  await open('login-used', at('/login?token=x'));
  await page.getByRole('button').click();
  await look('login-used');
}

test('no page keeps anybody out, in light and dark, on a desk and on a phone', { skip }, async (t) => {
  if (SHOTS !== undefined) await mkdir(SHOTS, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1100, 360]) {
      const { page } = await signedIn(t, { colorScheme, viewport: { width, height: 760 }, reducedMotion: 'reduce' });
      await eachPage(t, page, async (name) => {
        if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, `${name}-${colorScheme}-${width}.png`), fullPage: true });
        assert.deepEqual(await barriers(page), [], `${name} ${colorScheme} ${width}`);
        const isWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
        assert.equal(isWide, false, `${name} is wider than ${width}`);
      });
    }
  }
});
