import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepNext, readNext } from '../../src/pages/cookies.ts';
import { html, textOf } from '../../src/pages/html.ts';
import { localPath } from '../../src/pages/local-path.ts';
import { loopbackCallback, withAnswer } from '../../src/pages/loopback-callback.ts';
import { shownText } from '../../src/pages/shown-text.ts';

const HERE = 'http://127.0.0.1:8787';

test('given any value, then markup in it stays text, in content and in attributes', () => {
  const evil = `"><script>alert('1')</script>&`;
  const text = textOf(html`<p title="${evil}">${evil}${[html`<b>${evil}</b>`, null, false, 7]}</p>`);
  assert.doesNotMatch(text, /<script|title=""/);
  assert.equal(text.match(/&lt;script&gt;/g)?.length, 3);
  assert.match(text, /<b>.*<\/b>7<\/p>$/);
});

test('given an object that only looks like HTML, then it is not taken for it', () => {
  const forged = JSON.parse('{"text":"<script>","html":"<script>"}');
  assert.equal(textOf(html`<p>${forged}</p>`), '<p>undefined</p>');
});

test('given a path of this origin to go on to, then it is taken as it is', () => {
  for (const path of [
    '/me',
    '/oauth/consent?request=a.b-c_d',
    '/sdk-bootstrap?agent_id=agt_1&callback=http%3A%2F%2F127.0.0.1%3A5%2Fcb',
    '/a/./b',
  ])
    assert.equal(localPath(path, HERE), path.replace('/./', '/'), path);
});

test('given anything that some browser takes for another origin, then nobody is sent there', () => {
  const foreign = [
    null,
    '',
    'me',
    'https://evil.example/',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    ' //evil.example',
    '/..//evil.example',
    '/.//evil.example',
    '/%2e%2e//evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    '/é',
    `/${'a'.repeat(8_000)}`,
  ];
  for (const text of foreign) assert.equal(localPath(text, HERE), null, String(text));
});

test('given a callback of a listener on this machine, then the answer joins its query', () => {
  const callback = loopbackCallback('http://127.0.0.1:53411/cb?keep=1');
  assert.ok(callback);
  assert.equal(withAnswer(callback, { ticket: 'tkt_x', state: 'a b&c' }), 'http://127.0.0.1:53411/cb?keep=1&ticket=tkt_x&state=a+b%26c');
  assert.equal(loopbackCallback('http://127.0.0.1:65535/')?.port, '65535');
});

test('given a callback to anywhere else, in whatever spelling, then there is none', () => {
  const foreign = [
    null,
    '',
    'http://localhost:5000/cb',
    'http://127.0.0.2:5000/cb',
    'http://127.1:5000/cb',
    'http://0x7f.0.0.1:5000/cb',
    'http://2130706433:5000/cb',
    'http://[::1]:5000/cb',
    'https://127.0.0.1:5000/cb',
    'HTTP://127.0.0.1:5000/cb',
    'http://127.0.0.1/cb',
    'http://127.0.0.1:/cb',
    'http://127.0.0.1:0/cb',
    'http://127.0.0.1:65536/cb',
    'http://127.0.0.1:5000',
    'http://127.0.0.1:5000@evil.example/cb',
    'http://127.0.0.1:5000.evil.example/cb',
    'http://user@127.0.0.1:5000/cb',
    'http://127.0.0.1.evil.example:5000/cb',
    'http://127.0.0.1:5000/cb#x',
    'http://127.0.0.1:5000\\@evil.example/cb',
    'http://127.0.0.1:5000/\n',
    'http://127.0.0.1:5000/"onload="x',
    ' http://127.0.0.1:5000/cb',
    'javascript:alert(1)//127.0.0.1:5000/',
    `http://127.0.0.1:5000/${'a'.repeat(3_000)}`,
  ];
  for (const text of foreign) assert.equal(loopbackCallback(text), null, String(text));
});

test('given text of a stranger, then nothing in it is invisible or turns the line around', () => {
  assert.equal(shownText('  ada\u202e-laptop\u200b\u0000 .local\n', 80), 'ada-laptop .local');
  assert.equal(shownText('a'.repeat(100), 10), `${'a'.repeat(9)}…`);
  assert.equal(shownText('😀😀😀', 3), '😀😀😀');
});

test('given the place to go on to, then a cookie keeps it, and one that is there twice or no text of ours is none', () => {
  const line = keepNext('/oauth/consent?request=x;y');
  assert.match(line, /^__Host-sallyport_next=[\w-]+; Max-Age=900; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
  const [pair = ''] = line.split(';');
  assert.equal(readNext(`a=b; ${pair}`), '/oauth/consent?request=x;y');
  assert.equal(readNext(`${pair}; ${pair}`), null);
  assert.equal(readNext('__Host-sallyport_next=%2f'), null);
  assert.equal(readNext(undefined), null);
});
