import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressAllowed } from '../src/proxy/addresses.ts';

const open = { allow_private_networks: false };
const priv = { allow_private_networks: true };

const PRIVATE = [
  '127.0.0.1',
  '127.8.8.8',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '::1',
  'fc00::1',
  'fd12:3456::1',
  '::ffff:10.0.0.1',
  '::ffff:127.0.0.1',
  '64:ff9b::a00:1',
  '2002:a00:1::',
];
const NEVER = [
  '0.0.0.0',
  '169.254.169.254',
  '169.254.0.1',
  '192.0.0.1',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '239.1.1.1',
  '240.0.0.1',
  '255.255.255.255',
  '100.100.100.200',
  '168.63.129.16',
  '::',
  'fe80::1',
  'fec0::1',
  'ff02::1',
  '2001:db8::1',
  '2001::1',
  '3fff::1',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd00:42::42',
  'fd20:ce::254',
  '::ffff:169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
  '64:ff9b:1::1',
  '::7f00:1',
  '100::1',
  'fe80::1%eth0',
  'not an address',
  '',
];
const PUBLIC = [
  '140.82.121.6',
  '8.8.8.8',
  '172.32.0.1',
  '100.128.0.1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '2002:808:808::1',
  '64:ff9b::808:808',
];

test('given a public address, it may be called', () => {
  for (const address of PUBLIC) assert.ok(addressAllowed(address, open), address);
});

test('given a private address, it may be called only where the connection allows private networks', () => {
  for (const address of PRIVATE) {
    assert.ok(!addressAllowed(address, open), address);
    assert.ok(addressAllowed(address, priv), address);
  }
});

test('given a link-local, metadata, reserved or documentation address, nobody may call it', () => {
  for (const address of NEVER) {
    assert.ok(!addressAllowed(address, open), address);
    assert.ok(!addressAllowed(address, priv), address);
  }
});
