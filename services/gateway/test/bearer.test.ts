import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { makeApiKey } from '@sallyport/contracts/api-key.ts';
import { makeTicket } from '@sallyport/contracts/ticket.ts';
import { classifyBearer } from '../src/http/bearer.ts';

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (header: object, payload: object): string => `${part(header)}.${part(payload)}.${Buffer.alloc(64).toString('base64url')}`;
const key = makeApiKey('operator', new Uint8Array(32).fill(7));

test('given a key with the right checksum, only its SHA-256 goes on', () => {
  assert.deepEqual(classifyBearer(`Bearer ${key}`), { kind: 'key', sha256: createHash('sha256').update(key).digest('hex') });
});

test('given a ticket of the right form, only its SHA-256 goes on', () => {
  const ticket = makeTicket(new Uint8Array(32).fill(7));
  assert.deepEqual(classifyBearer(`Bearer ${ticket}`), { kind: 'ticket', sha256: createHash('sha256').update(ticket).digest('hex') });
  assert.deepEqual(classifyBearer(`Bearer ${ticket}0`), { kind: 'bad', reason: 'malformed' });
});

test('given no bearer, or one that is malformed, the reason says which', () => {
  assert.deepEqual(classifyBearer(undefined), { kind: 'none' });
  assert.deepEqual(classifyBearer(''), { kind: 'none' });
  for (const bad of [
    'Basic abc',
    'Bearer',
    'Bearer hello',
    `Bearer ${key.slice(0, -1)}0`,
    `Bearer ${key}x`,
    'Bearer eyJ.x.y',
    'Bearer eyJhbGciOiJub25lIn0',
  ])
    assert.deepEqual(classifyBearer(bad), { kind: 'bad', reason: 'malformed' }, bad);
});

test('given a JWT, its purpose follows typ and audience, and a passport is no bearer', () => {
  const header = { alg: 'EdDSA', typ: 'JWT' };
  const purpose = (h: object, p: object): unknown => {
    const read = classifyBearer(`bearer ${jwt(h, p)}`);
    return read.kind === 'jwt' ? read.purpose : read.kind === 'bad' ? read.reason : read.kind;
  };
  assert.equal(purpose(header, { aud: 'stack:agent' }), 'agent');
  assert.equal(purpose({ alg: 'EdDSA' }, { aud: 'other' }), 'agent');
  assert.equal(purpose({ alg: 'EdDSA', typ: 'session+jwt' }, {}), 'session');
  assert.equal(purpose({ alg: 'EdDSA', typ: 'at+jwt' }, {}), 'access');
  assert.equal(purpose({ alg: 'EdDSA', typ: 'passport+jwt' }, {}), 'wrong_credential_kind');
  assert.equal(purpose(header, { aud: 'stack:passport' }), 'wrong_credential_kind');
  assert.equal(purpose({ alg: 'EdDSA', typ: 'dpop+jwt' }, { aud: 'stack:agent' }), 'wrong_credential_kind');
});
