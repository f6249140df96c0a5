import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Type } from 'typebox';
import { busConfig, ConfigError, processConfig, readConfig } from '../src/config.ts';

const folder = mkdtempSync(join(process.env['TEST_RUN_FOLDER'] ?? tmpdir(), 'sallyport-config-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'password');
writeFileSync(file, 'hunter2\n');

const schema = Type.Object({ ...processConfig, ...busConfig, SALLYPORT_VAULT_LIMIT: Type.Optional(Type.Integer({ minimum: 1 })) });
const good = {
  PATH: '/usr/bin',
  PUBLIC_URL: 'http://127.0.0.1:8787',
  SALLYPORT_INSTANCE: 'vault-1',
  SALLYPORT_INTERNAL_PORT: '9100',
  SALLYPORT_NATS_URL: 'nats://127.0.0.1:4222',
  SALLYPORT_NATS_USER: 'vault',
  SALLYPORT_NATS_PASSWORD_FILE: file,
};

function messageOf(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(schema, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  assert.fail('the configuration was taken');
}

test('given a full environment, values have their types, defaults are filled in and secrets are read', () => {
  const config = readConfig(schema, good);
  assert.equal(config.SALLYPORT_INTERNAL_PORT, 9100);
  assert.equal(config.SALLYPORT_INTERNAL_HOST, '127.0.0.1');
  assert.equal(config.SALLYPORT_LOG_LEVEL, 'info');
  assert.equal(config.SALLYPORT_NATS_PASSWORD, 'hunter2');
  assert.equal('PATH' in config, false);
});

test('given several mistakes, one message names them all and repeats no value', () => {
  const { SALLYPORT_INSTANCE: _, ...rest } = good;
  const message = messageOf({
    ...rest,
    SALLYPORT_INTERNAL_PORT: 's3cret',
    SALLYPORT_VAULT_LIMIT: '0',
    SALLYPORT_VALUT_LIMIT: 's3cret',
    PUBLIC_URL: 's3cret',
  });
  for (const name of [
    'SALLYPORT_INSTANCE: missing',
    'SALLYPORT_INTERNAL_PORT',
    'SALLYPORT_VAULT_LIMIT',
    'SALLYPORT_VALUT_LIMIT: unknown',
    'PUBLIC_URL',
  ]) {
    assert.ok(message.includes(name), name);
  }
  assert.ok(!message.includes('s3cret'));
});

test('given a secret without a file, or an empty one, the start is refused', () => {
  assert.match(
    messageOf({ ...good, SALLYPORT_NATS_PASSWORD_FILE: join(folder, 'nothing') }),
    /SALLYPORT_NATS_PASSWORD_FILE: the file cannot be read \(ENOENT\)/,
  );
  const empty = join(folder, 'empty');
  writeFileSync(empty, '\n');
  assert.match(messageOf({ ...good, SALLYPORT_NATS_PASSWORD_FILE: empty }), /the file is empty/);
});
