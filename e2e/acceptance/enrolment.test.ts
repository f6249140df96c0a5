/** Acceptance check 2: how an agent gets its key, with a person's ticket and without, by the published client and by ours (api.md §5.2). */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, beforeEach, type TestContext, test } from 'node:test';
import { append } from '@sallyport/bus/append.ts';
import { connectBus } from '@sallyport/bus/connect.ts';
import { readLedger } from '@sallyport/bus/api.ts';
import { aggregateSubject } from '@sallyport/bus/subjects.ts';
import { makeId } from '@sallyport/contracts/ids.ts';
import { scratchFolder } from '@sallyport/testing/folders.ts';
import { pythonEnvironment, requires } from '@sallyport/testing/requires.ts';
import { eventually } from '@sallyport/testing/time.ts';
import type { Browser } from 'playwright-core';
import type { Answer, Api } from '../support/api.ts';
import { openBrowser, type Person, person, press } from '../support/browser.ts';
import { listener } from '../support/listener.ts';
import { type TestMember, type TestOperator, testPlatform } from '../support/platform.ts';
import { ROOT, runPython, SDK_PATH } from '../support/python.ts';
import { loginLink } from '../support/login-link.ts';
import { atTerminal } from '../support/terminal.ts';

const [python, chromium] = await Promise.all([requires('python3'), requires('chromium')]);
const skip = chromium.skip || python.skip;
const CLIENTS = ['4.0.0', '1.4.0'];

const platform = testPlatform({ sdkPort: 3100 });
let operator: TestOperator;
let browser: Browser | undefined;
let signedIn: Person;
const interpreters = new Map<string, string>();

after(() => browser?.close());

/** Once, by whichever test comes first: hooks of a file start side by side. */
let prepared: Promise<void> | undefined;
async function prepare(): Promise<void> {
  operator = await platform.newOperator();
  if (skip) return;
  browser = await openBrowser(chromium.path);
  signedIn = await person(browser);
  await signedIn.page.goto(await loginLink(platform, operator.owner.email));
  await press(signedIn.page, 'Sign in');
  await signedIn.page.waitForURL(`${platform.baseUrl}/me`);
  for (const version of CLIENTS) {
    const install = [`getstack==${version}`, 'httpx==0.28.1', 'cryptography==50.0.2', 'PyJWT==2.15.1', 'cbor2==6.2.1'];
    interpreters.set(version, await pythonEnvironment(python.path, { install }));
  }
}
beforeEach(() => (prepared ??= prepare()));

interface NewKey {
  jwk: { kty: string; crv: string; x: string };
  privateKey: KeyObject;
}

function newKey(): NewKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return { jwk: { kty: 'OKP', crv: 'Ed25519', x }, privateKey };
}

const signed = ({ privateKey }: NewKey, bytes: string | Buffer): string => sign(null, Buffer.from(bytes), privateKey).toString('base64url');

async function newAgent(name = 'bot'): Promise<string> {
  return (await operator.api('POST', '/v1/agents/register', { name })).body.id;
}

async function challenged(api: Api, agentId: string): Promise<{ challenge_id: string; challenge: string }> {
  const answer = await api('POST', `/v1/agents/${agentId}/enrollment-challenge`);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.body;
}

function enrol(api: Api, agentId: string, key: NewKey, challenge_id: string, signed_challenge: string): Promise<Answer> {
  return api('POST', `/v1/agents/${agentId}/enroll`, { public_key: key.jwk, challenge_id, signed_challenge });
}

const keyOf = async (agentId: string): Promise<string | null> => (await operator.api('GET', `/v1/agents/${agentId}`)).body.key_thumbprint;

test('2. a signature that is wrong, of another key, or over the decoded bytes does not enrol; the right one does, once', async () => {
  const agentId = await newAgent();
  const [key, other] = [newKey(), newKey()];
  const { challenge_id, challenge } = await challenged(operator.api, agentId);
  const wrong = [
    signed(other, challenge),
    signed(key, Buffer.from(challenge, 'base64url')),
    signed(key, `${challenge}=`),
    Buffer.alloc(64).toString('base64url'),
    '',
  ];
  for (const signature of wrong) {
    const refused = await enrol(operator.api, agentId, key, challenge_id, signature);
    assert.deepEqual([refused.status, refused.body.error.code], [400, 'INVALID_REQUEST']);
  }
  assert.equal(await keyOf(agentId), null);
  const enrolled = await enrol(operator.api, agentId, key, challenge_id, signed(key, challenge));
  assert.equal(enrolled.status, 200);
  assert.equal(await keyOf(agentId), enrolled.body.kid);
  for (const again of [key, other]) {
    const used = await enrol(operator.api, agentId, again, challenge_id, signed(again, challenge));
    assert.deepEqual([used.status, used.body.error.metadata.reason], [409, 'challenge_used']);
  }
  assert.equal(await keyOf(agentId), enrolled.body.kid);
});

test('2. a challenge of another agent, or of another principal, does not enrol', async () => {
  const [one, two] = [await newAgent(), await newAgent()];
  const key = newKey();
  const { challenge_id, challenge } = await challenged(operator.api, one);
  assert.equal((await enrol(operator.api, two, key, challenge_id, signed(key, challenge))).status, 400);
  // Nobody of the other operator has signed in, so it may still invite by its key.
  const fresh = await platform.newOperator();
  const member = await fresh.memberKey('standard');
  const theirs = (await fresh.api('POST', '/v1/agents/register', { name: 'bot' })).body.id;
  const asked = await challenged(fresh.api, theirs);
  assert.equal((await enrol(member.api, theirs, key, asked.challenge_id, signed(key, asked.challenge))).status, 400);
  assert.deepEqual([await keyOf(one), await keyOf(two)], [null, null]);
});

test('2. a challenge older than five minutes does not enrol', async () => {
  const agentId = await newAgent();
  const key = newKey();
  const [fresh, old] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')];
  // As the service would have written it: one that ended a moment ago, and one that has a minute left.
  const ids = await challengesInLog(agentId, [
    { challenge: old, expires_at_ms: Date.now() - 2_000 },
    { challenge: fresh, expires_at_ms: Date.now() + 60_000 },
  ]);
  const late = await enrol(operator.api, agentId, key, ids[0] ?? '', signed(key, old));
  assert.equal(late.status, 400);
  assert.deepEqual(late.body.error.metadata.fields, [{ path: 'challenge_id', rule: 'expired' }]);
  assert.equal((await enrol(operator.api, agentId, key, ids[1] ?? '', signed(key, fresh))).status, 200);
});

/** What passports itself writes when somebody asks for a challenge. */
async function challengesInLog(agentId: string, made: { challenge: string; expires_at_ms: number }[]): Promise<string[]> {
  const { natsUrl, dataDir } = platform.constellation;
  const password = (await readFile(join(dataDir, 'secrets', 'nats', 'passports'), 'utf8')).trim();
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const bus = await connectBus({ url: natsUrl, user: 'passports', password, name: 'test', log });
  const newId = (kind: 'challenge' | 'event'): string => makeId(kind, Date.now(), randomBytes(10));
  try {
    const subject = aggregateSubject(operator.operator_id, 'agent', agentId);
    const expect = (await readLedger(bus, { last_by_subj: subject }))?.seq ?? 0;
    const facts = made.map((one) => ({
      id: newId('event'),
      type: 'agent.challenged',
      v: 1,
      at: Date.now(),
      operator_id: operator.operator_id,
      agent_id: agentId,
      actor: { type: 'operator' as const, id: operator.operator_id },
      data: { ...one, challenge_id: newId('challenge'), principal: `operator:${operator.operator_id}` },
    }));
    const written = await append(bus, [{ subject, facts, expect, id: newId('event') }]);
    assert.ok(!('conflict' in written));
    return facts.map(({ data }) => data.challenge_id);
  } finally {
    await bus.close();
  }
}

/** The page, as a process opens it. */
function pageOf(agentId: string, callback: string): string {
  const query = { agent_id: agentId, callback, state: 'st', machine: 'ada-laptop.local', process: 'python bot.py' };
  return `${platform.baseUrl}/sdk-bootstrap?${new URLSearchParams(query).toString()}`;
}

async function answered(t: TestContext, who: Person, agentId: string, button: 'Approve' | 'Deny'): Promise<URLSearchParams> {
  const client = await listener(t);
  await who.page.goto(pageOf(agentId, client.callback));
  await press(who.page, button);
  const { query } = await client.answered();
  await who.page.waitForURL(`${client.callback}?**`);
  return query;
}

const ticketFor = async (t: TestContext, agentId: string, who = signedIn): Promise<string> =>
  (await answered(t, who, agentId, 'Approve')).get('ticket') ?? '';

const reasonOf = ({ status, body }: Answer): unknown[] => [status, body.error.metadata.reason];

test('2. a ticket serves one challenge and one enrolment of its agent, and nothing else', { skip }, async (t) => {
  const [agentId, otherAgent] = [await newAgent(), await newAgent()];
  const key = newKey();
  const ticket = platform.api(await ticketFor(t, agentId));
  assert.equal((await ticket('POST', `/v1/agents/${otherAgent}/enrollment-challenge`)).status, 404);
  for (const [method, path] of [
    ['GET', '/v1/agents'],
    ['GET', `/v1/agents/${agentId}`],
    ['POST', '/v1/passports/issue'],
    ['POST', '/v1/proxy'],
    ['POST', '/v1/agents/register'],
  ] as const) {
    assert.deepEqual(
      reasonOf(await ticket(method, path, method === 'GET' ? undefined : {})).slice(0, 1),
      path === '/v1/proxy' ? [400] : [401],
      path,
    );
  }
  const { challenge_id, challenge } = await challenged(ticket, agentId);
  assert.deepEqual(reasonOf(await ticket('POST', `/v1/agents/${agentId}/enrollment-challenge`)), [401, 'expired']);
  // The challenge is the ticket's: not the operator's own key enrols with it.
  assert.equal((await enrol(operator.api, agentId, key, challenge_id, signed(key, challenge))).status, 400);
  assert.equal((await enrol(ticket, otherAgent, key, challenge_id, signed(key, challenge))).status, 404);
  assert.equal((await enrol(ticket, agentId, key, challenge_id, signed(newKey(), challenge))).status, 400);
  const both = await Promise.all([key, newKey()].map((one) => enrol(ticket, agentId, one, challenge_id, signed(one, challenge))));
  assert.deepEqual(both.map(({ status }) => status).toSorted(), [200, 401]);
  assert.deepEqual(reasonOf(await enrol(ticket, agentId, key, challenge_id, signed(key, challenge))), [401, 'expired']);
  assert.deepEqual(reasonOf(await platform.api(`tkt_${'0'.repeat(52)}`)('POST', `/v1/agents/${agentId}/enrollment-challenge`)), [
    401,
    'expired',
  ]);
  assert.deepEqual(reasonOf(await platform.api('tkt_x')('POST', `/v1/agents/${agentId}/enrollment-challenge`)), [401, 'malformed']);
});

test('2. a ticket dies with its person, and who may only read gets none', { skip }, async (t) => {
  const fresh = await platform.newOperator();
  const [standard, readonly] = [await fresh.memberKey('standard'), await fresh.memberKey('readonly')];
  const agentId: string = (await fresh.api('POST', '/v1/agents/register', { name: 'bot' })).body.id;
  const inBrowser = async ({ email }: TestMember): Promise<Person> => {
    const who = await person(browser ?? assert.fail('no browser'));
    t.after(() => who.context.close());
    await who.page.goto(await loginLink(platform, email));
    await press(who.page, 'Sign in');
    await who.page.waitForURL(`${platform.baseUrl}/me`);
    return who;
  };
  const reader = await inBrowser(readonly);
  const nowhere = await listener(t);
  await reader.page.goto(pageOf(agentId, nowhere.callback));
  await reader.page.getByRole('heading', { name: 'You may not do this' }).waitFor();
  assert.equal(await reader.page.getByRole('button').count(), 0);
  assert.equal(nowhere.count(), 0);

  const worker = await inBrowser(standard);
  const ticket = platform.api(await ticketFor(t, agentId, worker));
  assert.equal((await fresh.api('DELETE', `/v1/team/members/${standard.member_id}`)).status, 200);
  assert.deepEqual(reasonOf(await ticket('POST', `/v1/agents/${agentId}/enrollment-challenge`)), [401, 'expired']);
  // Of another operator's agent a person sees nothing.
  await signedIn.page.goto(pageOf(agentId, 'http://127.0.0.1:9/cb'));
  await signedIn.page.getByRole('heading', { name: 'No such agent' }).waitFor();
});

test('2. consent and refusal are on record, with who and for what', { skip }, async (t) => {
  const agentId = await newAgent();
  assert.equal((await answered(t, signedIn, agentId, 'Deny')).get('error'), 'denied');
  await ticketFor(t, agentId);
  type Row = { action: string; actor: object; metadata: Record<string, unknown> };
  await eventually(async () => {
    const rows: Row[] = (await operator.api('GET', `/v1/audit?agent_id=${agentId}&order=asc&after_seq=0`)).body.entries;
    for (const action of ['agent.deny_enrolment', 'agent.approve_enrolment']) {
      const row = rows.find((one) => one.action === action);
      assert.deepEqual(row?.actor, { type: 'member', id: operator.owner.id });
      assert.deepEqual([row?.metadata['machine'], row?.metadata['process']], ['ada-laptop.local', 'python bot.py']);
    }
  });
});

/** Where the published client looks for the page by itself, unless somebody else has that port. */
async function dashboard(): Promise<Record<string, string>> {
  const answer = await fetch('http://localhost:3100/sdk-bootstrap', { redirect: 'manual' }).catch(() => null);
  const isOurs = answer?.headers.get('location')?.startsWith(platform.baseUrl) === true;
  return isOurs ? {} : { STACK_DASHBOARD_URL: platform.baseUrl };
}

const SCRIPT = join(ROOT, 'e2e/published-client/at_terminal.py');
const interpreter = (version: string): string => interpreters.get(version) ?? assert.fail(`no environment with ${version}`);
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

for (const version of CLIENTS) {
  test(`2. the published client ${version} enrols by the person's ticket, its file is the owner's alone, and it works`, {
    skip,
  }, async (t) => {
    const [agentId, home] = [await newAgent('terminal-bot'), await scratchFolder('home')];
    const env = { STACK_BASE_URL: platform.baseUrl, ...(await dashboard()) };
    const client = await atTerminal(t, interpreter(version), [SCRIPT, 'enrol', agentId], { home, env });
    const opened = await client.url();
    if (!('STACK_DASHBOARD_URL' in env)) assert.ok(opened.startsWith('http://localhost:3100/sdk-bootstrap?'), opened);
    await signedIn.page.goto(opened);
    assert.ok((await signedIn.page.getByRole('main').innerText()).includes('python at_terminal.py'));
    await press(signedIn.page, 'Approve');
    const steps = await client.steps();
    assert.deepEqual(
      [...steps],
      [
        ['version', version],
        ['terminal', true],
        ['agent', agentId],
        ['mode', '0o600'],
        ['again', agentId],
      ],
    );
    await signedIn.page.getByRole('heading', { name: 'Approved' }).waitFor();
    const file = join(home, '.stack', 'agents', `${agentId}.json`);
    assert.equal(await modeOf(file), 0o600);
    assert.notEqual(await keyOf(agentId), null);
    if (version === '4.0.0') await oursReads(home, agentId);
  });

  test(`2. a refusal ends the enrolment of the published client ${version}, and leaves no key behind`, { skip }, async (t) => {
    const [agentId, home] = [await newAgent('terminal-bot'), await scratchFolder('home')];
    const client = await atTerminal(t, interpreter(version), [SCRIPT, 'enrol', agentId], {
      home,
      env: { STACK_BASE_URL: platform.baseUrl, STACK_DASHBOARD_URL: platform.baseUrl },
    });
    await signedIn.page.goto(await client.url());
    await press(signedIn.page, 'Deny');
    const { code, stderr } = await client.ended();
    assert.notEqual(code, 0);
    assert.match(stderr, /enrollment denied/);
    await assert.rejects(stat(join(home, '.stack', 'agents', `${agentId}.json`)));
    assert.equal(await keyOf(agentId), null);
  });

  test(`41. the published client ${version} signs in by the browser, keeps its file to itself and turns its refresh token over`, {
    skip,
  }, async (t) => {
    const home = await scratchFolder('home');
    const client = await atTerminal(t, interpreter(version), [SCRIPT, 'sign-in'], { home, env: { STACK_BASE_URL: platform.baseUrl } });
    await signedIn.page.goto(await client.url());
    assert.match(await signedIn.page.getByRole('heading', { level: 1 }).innerText(), /STACK Python SDK on/);
    await press(signedIn.page, 'Allow');
    const steps = await client.steps();
    assert.equal(steps.get('mode'), '0o600');
    assert.equal(steps.get('again'), true);
    assert.equal(steps.get('rotated'), true);
    const { created_by } = (await operator.api('GET', `/v1/agents/${String(steps.get('registered'))}`)).body;
    assert.deepEqual(created_by, { type: 'member', id: operator.owner.id });
    const stored = JSON.parse(await readFile(join(home, '.stack', 'credentials.json'), 'utf8'));
    assert.match(stored.client_id, /^cl_/);
  });
}

const OURS = `
import sys
from sallyport import Stack
print(Stack(agent_id=sys.argv[1], base_url=sys.argv[2]).agents.get(sys.argv[1]).id)
`;
const THEIRS = OURS.replace('sallyport', 'getstack');

/** The client's file in our SDK; and what ours refuses. */
async function oursReads(home: string, agentId: string): Promise<void> {
  const run = (): ReturnType<typeof runPython> =>
    runPython(interpreter('4.0.0'), ['-c', OURS, agentId, platform.baseUrl], { cwd: home, env: { HOME: home, PYTHONPATH: SDK_PATH } });
  const read = await run();
  assert.deepEqual([read.code, read.stdout.trim()], [0, agentId], read.stderr);
  const file = join(home, '.stack', 'agents', `${agentId}.json`);
  await chmod(file, 0o644);
  const refused = await run();
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /StackConfigError/);
  await chmod(file, 0o600);
}

test('2. a file that our SDK wrote works in the published client', { skip }, async () => {
  const [agentId, home] = [await newAgent(), await scratchFolder('home')];
  const env = { HOME: home, STACK_API_KEY: operator.api_key };
  const enrolled = await runPython(interpreter('4.0.0'), ['-c', OURS, agentId, platform.baseUrl], {
    cwd: home,
    env: { ...env, PYTHONPATH: SDK_PATH },
  });
  assert.deepEqual([enrolled.code, enrolled.stdout.trim()], [0, agentId], enrolled.stderr);
  const kid = await keyOf(agentId);
  assert.equal(await modeOf(join(home, '.stack', 'agents', `${agentId}.json`)), 0o600);
  for (const version of CLIENTS) {
    const read = await runPython(interpreter(version), ['-c', THEIRS, agentId, platform.baseUrl], { cwd: home, env: { HOME: home } });
    assert.deepEqual([read.code, read.stdout.trim()], [0, agentId], read.stderr);
  }
  assert.equal(await keyOf(agentId), kid);
});
