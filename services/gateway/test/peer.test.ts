import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf, peerOf, trustedProxies, trustsNobody } from '../src/http/peer.ts';

test('given nobody to trust, the address of the connection counts, whatever the request says', () => {
  assert.equal(peerOf('198.51.100.7', '203.0.113.1', trustsNobody), '198.51.100.7');
  assert.equal(peerOf('::ffff:198.51.100.7', undefined, trustsNobody), '198.51.100.7');
  assert.equal(peerOf('198.51.100.7', '203.0.113.1', trustedProxies('')), '198.51.100.7');
});

test('given a proxy of ours, the last address before our proxies counts, and what stands further left is only said', () => {
  const trusts = trustedProxies('10.0.0.0/8, 192.0.2.1,2001:db8::/32');
  const rows: [string, string | string[] | undefined, string][] = [
    ['10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['10.1.2.3', '127.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['10.1.2.3', '127.0.0.1, 203.0.113.9, 192.0.2.1', '203.0.113.9'],
    ['10.1.2.3', ['127.0.0.1', '203.0.113.9'], '203.0.113.9'],
    ['::ffff:10.1.2.3', '::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8::1', '2001:db9::7', '2001:db9::7'],
    ['10.1.2.3', undefined, '10.1.2.3'],
    ['10.1.2.3', '', '10.1.2.3'],
    ['10.1.2.3', 'unknown', '10.1.2.3'],
    ['10.1.2.3', '203.0.113.9, <script>', '10.1.2.3'],
    ['10.1.2.3', '203.0.113.9:4711', '10.1.2.3'],
    ['10.1.2.3', '10.9.9.9', '10.9.9.9'],
    ['198.51.100.7', '203.0.113.9, 10.1.2.3', '198.51.100.7'],
  ];
  for (const [remote, forwarded, peer] of rows)
    assert.equal(peerOf(remote, forwarded, trusts), peer, `${remote} says ${String(forwarded)}`);
});

test('given a list that is none, the start is refused', () => {
  for (const bad of ['localhost', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0.0/', '2001:db8::/129', '*', '10.0.0.1;10.0.0.2'])
    assert.throws(() => trustedProxies(bad), RangeError, bad);
});

test('given an IPv6 address, limits count its /64, and every other address alone', () => {
  const rows: [string, string][] = [
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::ffff', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['203.0.113.9', '203.0.113.9'],
    ['', ''],
  ];
  for (const [peer, network] of rows) assert.equal(networkOf(peer), network, peer);
});
