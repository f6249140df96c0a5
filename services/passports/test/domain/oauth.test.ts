import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { draft, type DraftFact, type Fact } from '@sallyport/contracts/fact.ts';
import {
  authLogin,
  authLogout,
  deviceApproved,
  deviceAsked,
  deviceRedeemed,
  loginLinkMade,
  loginLinkUsed,
  refreshTokenIssued,
  refreshTokenReplaced,
  refreshTokenSpent,
} from '@sallyport/contracts/facts/sign-in.ts';
import { knownScopes, scopeOpens } from '@sallyport/contracts/scopes.ts';
import { DEVICE, deviceWaits, evolveDevice, readUserCode, userCode } from '../../src/domain/device.ts';
import { evolveLoginLink, linkIsGood, LOGIN_LINK } from '../../src/domain/login-link.ts';
import { REFRESH_IDLE_MS, REFRESH_MAX_MS, refreshExpiry } from '../../src/domain/oauth-grant.ts';
import { isChallenge, provesChallenge } from '../../src/domain/pkce.ts';
import { isRegistered, isRegistrable, withParameters } from '../../src/domain/redirect-uri.ts';
import { evolveRefreshToken, REFRESH_TOKEN, type RefreshTokenState, TOLERANCE_MS, useOf } from '../../src/domain/refresh-token.ts';
import { evolveSignIn, SIGN_IN, sessionRuns } from '../../src/domain/sign-in.ts';
import { isSame, makeOpaque, opaqueId, readOpaque } from '../../src/sign-in/opaque.ts';
import { createPace } from '../../src/sign-in/pace.ts';

const fact = (one: DraftFact): Fact => ({ ...one, id: 'evt_1', at: 0, operator_id: 'op_1', actor: { type: 'system', id: 'test' } });
const at = (ts_ms: number): { seq: number; index: number; ts_ms: number; subject: string } => ({ seq: 1, index: 0, ts_ms, subject: '' });

function token(...spent: [number, string][]): RefreshTokenState {
  const issued = draft(refreshTokenIssued, { grant_id: 'g', sha256: 'x', expires_at_ms: 1_000_000 });
  const begun = evolveRefreshToken(REFRESH_TOKEN.initial(), fact(issued), at(0));
  return spent.reduce(
    (state, [time, successor]) => evolveRefreshToken(state, fact(draft(refreshTokenSpent, { successor })), at(time)),
    begun,
  );
}
const replaced = (state: RefreshTokenState): RefreshTokenState =>
  evolveRefreshToken(state, fact(draft(refreshTokenReplaced, { by: 'c' })), at(1));

test('given a refresh token, it rotates once in its life', () => {
  assert.equal(useOf(token(), null, 999_999), 'rotate');
  assert.equal(useOf(token(), null, 1_000_000), 'expired');
});

test('given a spent one, it may come again once, within 30 s of its use, while its successor is unused', () => {
  const spent = token([10_000, 'b']);
  assert.equal(useOf(spent, token(), 10_000 + TOLERANCE_MS - 1), 'repeat');
  assert.equal(useOf(spent, token(), 10_000 + TOLERANCE_MS), 'reused');
  assert.equal(useOf(spent, token([11_000, 'c']), 12_000), 'reused');
  assert.equal(useOf(spent, replaced(token()), 12_000), 'reused');
  assert.equal(useOf(spent, null, 12_000), 'reused');
  // The tolerance counts from the first use, and there is one repeat.
  const repeated = token([10_000, 'b'], [12_000, 'c']);
  assert.equal(repeated.successor, 'c');
  assert.equal(useOf(repeated, token(), 13_000), 'reused');
  assert.equal(useOf(replaced(token()), null, 1), 'reused');
});

test('given a family, its tokens end 30 days after the last and 90 days after the first', () => {
  assert.equal(refreshExpiry(0, 1_000), 1_000 + REFRESH_IDLE_MS);
  assert.equal(refreshExpiry(0, REFRESH_MAX_MS - 1_000), REFRESH_MAX_MS);
});

test('given a verifier, only it proves its challenge', () => {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
  // RFC 7636 appendix B.
  const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
  assert.ok(provesChallenge(verifier, challenge));
  assert.equal(createHash('sha256').update(verifier).digest('base64url'), challenge);
  for (const wrong of [`${verifier}x`, verifier.slice(1), challenge, '', 'a'.repeat(129)])
    assert.ok(!provesChallenge(wrong, challenge), wrong);
  // Not the plain method.
  assert.ok(!provesChallenge(challenge, challenge));
  assert.ok(!isChallenge(`${challenge}=`) && !isChallenge('x'));
});

test('given addresses that parsers read differently, none can be registered', () => {
  for (const good of [
    'https://example.com/cb',
    'https://example.com',
    'https://example.com/cb?a=1',
    'http://127.0.0.1/cb',
    'http://[::1]:8080/',
    'http://localhost/x',
  ])
    assert.ok(isRegistrable(good), good);
  for (const bad of [
    'https://example.com\\@evil.example',
    'https://a@b.example/',
    'https://example.com/#x',
    'http://example.com/',
    'https://EXAMPLE.com/',
    'https://example.com/a b',
    'https://example.com/\u00e9',
    'http://127.1/cb',
    'http://0x7f000001/cb',
    'ftp://127.0.0.1/',
    '/callback',
    '',
  ])
    assert.equal(isRegistrable(bad), false, bad);
});

test('given a registered address, it is that one exactly, but for the port of a loopback', () => {
  assert.ok(isRegistered('http://127.0.0.1:5000/cb', ['http://127.0.0.1/cb']));
  assert.ok(isRegistered('http://127.0.0.1/cb', ['http://127.0.0.1:5000/cb']));
  assert.ok(!isRegistered('https://example.com:444/cb', ['https://example.com/cb']));
  assert.ok(!isRegistered('http://localhost:5000/cb', ['http://127.0.0.1/cb']));
  assert.ok(!isRegistered('http://127.0.0.1:5000/cb/', ['http://127.0.0.1/cb']));
  assert.ok(!isRegistered('https://127.0.0.1:5000/cb', ['http://127.0.0.1/cb']));
  assert.ok(!isRegistered('javascript:alert(1)', ['javascript:alert(1)']), 'not even when it stands there');
  assert.equal(
    withParameters('https://a.example/cb?x=1', { code: 'a b', state: '&', error: null }),
    'https://a.example/cb?x=1&code=a+b&state=%26',
  );
});

test('given typed user codes, spelling does not matter and other letters do not exist', () => {
  assert.equal(readUserCode(' bcdf ghjk '), 'BCDF-GHJK');
  assert.equal(readUserCode('BCDF-GHJK'), 'BCDF-GHJK');
  for (const bad of ['', 'BCDF-GHJ', 'BCDF-GHJA', 'BCDF-GHJ1', 'BCDFGHJKL', 'BCDF-GHJ\u212a']) assert.equal(readUserCode(bad), null, bad);
  assert.match(userCode(new Uint8Array(32).map((_, i) => i * 7)) ?? '', /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  assert.equal(userCode(new Uint8Array(32).fill(255)), null, 'no letter is likelier than another');
});

test('given a device code that is drawn again, nothing of its earlier life is left', () => {
  const asked = (sha256: string, expires_at_ms: number): Fact =>
    fact(draft(deviceAsked, { sha256, client_id: 'c', client_name: 'C', scopes: ['api'], address: '', expires_at_ms }));
  let state = evolveDevice(DEVICE.initial(), asked('a', 100), at(1));
  assert.ok(deviceWaits(state, 99) && !deviceWaits(state, 100));
  state = evolveDevice(state, fact(draft(deviceApproved, { operator_id: 'op_1', member_id: 'mem_1' })), at(2));
  state = evolveDevice(state, fact(draft(deviceRedeemed, { grant_id: 'g' })), at(3));
  assert.ok(!deviceWaits(state, 4));
  state = evolveDevice(state, asked('b', 900), at(800));
  assert.deepEqual([state.decided, state.redeemed, state.member_id, deviceWaits(state, 801)], [null, false, '', true]);
});

test('given a link and a session, each ends by its use, its logout or its time', () => {
  const made = fact(draft(loginLinkMade, { member_id: 'm', sha256: 'x', expires_at_ms: 100 }));
  const link = evolveLoginLink(LOGIN_LINK.initial(), made);
  assert.ok(!linkIsGood(LOGIN_LINK.initial(), 0) && linkIsGood(link, 99) && !linkIsGood(link, 100));
  assert.ok(!linkIsGood(evolveLoginLink(link, fact(draft(loginLinkUsed, { session_id: 's' }))), 1));
  const login = fact(draft(authLogin, { session_id: 's', member_id: 'm', method: 'magic_link', expires_at_ms: 100 }));
  const session = evolveSignIn(SIGN_IN.initial(), login);
  assert.ok(sessionRuns(session, 'm', 99) && !sessionRuns(session, 'm', 100) && !sessionRuns(session, 'other', 1));
  assert.ok(!sessionRuns(SIGN_IN.initial(), '', 0));
  const ended = evolveSignIn(session, fact(draft(authLogout, { session_id: 's', member_id: 'm' })));
  assert.ok(!sessionRuns(ended, 'm', 1));
});

test('given opaque tokens, each finds its aggregate, is of one kind and known by its whole text', () => {
  const made = makeOpaque('rt', 'op_01kt16jkm0emq8k9w39qsaekf4', opaqueId());
  assert.match(made.text, /^[A-Za-z0-9._~-]+$/);
  const read = readOpaque('rt', made.text);
  assert.deepEqual([read?.operator_id, read?.id], [made.operator_id, made.id]);
  assert.ok(read && isSame(read, made.sha256));
  assert.equal(readOpaque('ac', made.text), null);
  for (const bad of [`${made.text}x`, made.text.slice(0, -1), made.text.replace('.', '..'), 'rt_-.*.x', 'rt_>.a.b'])
    assert.ok(!isSame(readOpaque('rt', bad) ?? { operator_id: '', id: '', sha256: '' }, made.sha256), bad);
  assert.equal(isSame(made, ''), false);
});

test('given a fast device, a guessing session and a flooded address, each is stopped and comes back', () => {
  const pace = createPace();
  assert.deepEqual(
    [0, 1_000, 11_000, 27_000].map((now) => pace.mayPoll('d', 5, now)),
    [true, false, true, true],
  );
  for (let i = 0; i < 10; i++) pace.wrongGuess('m', i);
  assert.equal(pace.mayGuess('m', 100), false);
  assert.equal(pace.mayGuess('other', 100), true);
  assert.equal(pace.mayGuess('m', 15 * 60_000 + 100), true);
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map((now) => pace.mayMail('a', now)),
    [true, true, true, true, true, false],
  );
});

test('given scopes, unknown ones are left out, and `api` opens all but what has to be named', () => {
  assert.deepEqual(knownScopes('proxy:write nothing agents:read  proxy:write'), ['agents:read', 'proxy:write']);
  assert.deepEqual(knownScopes(''), []);
  for (const needed of ['agents:read', 'api', 'any']) assert.ok(scopeOpens(['api'], needed));
  for (const needed of ['approvals:decide', 'mcp']) assert.ok(!scopeOpens(['api'], needed));
  assert.ok(!scopeOpens(['agents:read'], 'agents:write') && scopeOpens(['mcp'], 'any') && !scopeOpens(['mcp'], 'api'));
});
