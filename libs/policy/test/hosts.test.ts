import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostAllowed, type HostPattern, parseHostPattern } from '../src/hosts.ts';
import { normaliseUrl } from '../src/url.ts';

function patterns(...texts: string[]): HostPattern[] {
  return texts.map((text) => {
    const pattern = parseHostPattern(text);
    assert.ok(pattern !== null, text);
    return pattern;
  });
}

function verdict(hosts: readonly HostPattern[], target: string, allowHttp = false): string {
  const url = normaliseUrl(target);
  if (!url.ok) return url.problem;
  return hostAllowed(hosts, url.value.scheme, url.value.host, url.value.port, { allow_http: allowHttp });
}

const GITHUB = patterns('api.github.com', 'Uploads.GitHub.com:8443', '*.example.com');

test('a listed host passes in every spelling, and only that host', () => {
  assert.equal(verdict(GITHUB, 'https://API.github.com/x'), 'ok');
  assert.equal(verdict(GITHUB, 'https://api.github.com:443/x'), 'ok');
  assert.equal(verdict(patterns('bücher.example'), 'https://XN--bcher-kva.example/'), 'ok');
  for (const other of ['github.com', 'xapi.github.com', 'api.github.com.evil.test', 'api.github.com.', 'a.api.github.com']) {
    assert.equal(verdict(GITHUB, `https://${other}/`), 'host_not_bound', other);
  }
  assert.equal(verdict([], 'https://api.github.com/'), 'host_not_bound');
});

test('without a port the scheme’s own is meant', () => {
  assert.equal(verdict(GITHUB, 'https://api.github.com:8443/'), 'port_not_bound');
  assert.equal(verdict(GITHUB, 'https://uploads.github.com:8443/'), 'ok');
  assert.equal(verdict(GITHUB, 'https://uploads.github.com/'), 'port_not_bound');
  assert.equal(verdict(GITHUB, 'http://api.github.com/'), 'scheme');
  assert.equal(verdict(GITHUB, 'http://api.github.com/', true), 'ok');
  assert.equal(verdict(GITHUB, 'http://api.github.com:443/', true), 'port_not_bound');
  assert.equal(verdict(GITHUB, 'ftp://api.github.com/', true), 'scheme');
});

test('a star stands for exactly one label', () => {
  assert.equal(verdict(GITHUB, 'https://a.example.com/'), 'ok');
  assert.equal(verdict(GITHUB, 'https://a.b.example.com/'), 'host_not_bound');
  assert.equal(verdict(GITHUB, 'https://example.com/'), 'host_not_bound');
  assert.equal(verdict(GITHUB, 'https://aexample.com/'), 'host_not_bound');
});

test('an IP address counts only if it is listed, in whatever form it is written', () => {
  const forms = ['127.0.0.1', '2130706433', '0177.0.0.1', '0x7f.1', '127.1', '[::1]', '[::ffff:127.0.0.1]', '169.254.169.254', '10.0.0.1'];
  for (const form of forms) assert.equal(verdict(GITHUB, `https://${form}/`), 'ip_literal', form);
  assert.equal(verdict(patterns('127.0.0.1:8080'), 'http://2130706433:8080/', true), 'ok');
  assert.equal(verdict(patterns('[::1]'), 'https://[0:0::1]/'), 'ok');
});

test('userinfo never gets as far as the host', () => {
  assert.equal(verdict(GITHUB, 'https://api.github.com@evil.test/'), 'userinfo');
});

test('what is no host pattern is refused when it is written', () => {
  const bad = [
    '',
    '*',
    '*.',
    '*.com',
    '*.10.0.0.1',
    'a.*.com',
    '*a.example.com',
    'host/path',
    'https://host',
    'u@host',
    'host:0',
    'host:65536',
    'host:',
    'a b',
  ];
  bad.push('host?x', 'host#x', '%61.example', '[::1', 'a'.repeat(300), '*.example.com:443');
  for (const text of bad) assert.equal(parseHostPattern(text), null, text);
});
