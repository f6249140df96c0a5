import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInstalled } from '../install.mjs';

const lock = {
  packages: {
    '': {},
    'libs/bus': { version: '1.0.0' },
    'node_modules/@sallyport/bus': { link: true },
    'node_modules/pg': { version: '8.0.0', integrity: 'sha512-a' },
    'node_modules/@other/platform': { version: '1.0.0', integrity: 'sha512-b', optional: true },
  },
};
const present = {
  packages: { 'node_modules/@sallyport/bus': { link: true }, 'node_modules/pg': { version: '8.0.0', integrity: 'sha512-a' } },
};

test('given what the lock file says, when compared, then nothing is to be installed, whatever other platforms need', () => {
  assert.equal(isInstalled(lock, present), true);
});

test('given another version, another content, a missing package or no record, when compared, then it is to be installed', () => {
  const pg = (entry: object): object => ({ packages: { ...present.packages, 'node_modules/pg': entry } });
  assert.equal(isInstalled(lock, pg({ version: '8.0.1', integrity: 'sha512-a' })), false);
  assert.equal(isInstalled(lock, pg({ version: '8.0.0', integrity: 'sha512-c' })), false);
  assert.equal(isInstalled(lock, { packages: { 'node_modules/pg': present.packages['node_modules/pg'] } }), false);
  assert.equal(isInstalled(lock, undefined), false);
});
