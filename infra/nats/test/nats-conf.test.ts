import assert from 'node:assert/strict';
import { test } from 'node:test';
import { natsConf, type NatsUser } from '../src/nats-conf.ts';

const vault: NatsUser = { name: 'vault', permissions: { publish: { allow: ['ledger.*.*.connection.>'] }, subscribe: { allow: [] } } };
const base = { storeDir: '/data/nats', host: '127.0.0.1', port: 4222 };

test('given a user with an empty allow list, when rendered, then everything is denied', () => {
  const conf = natsConf({ ...base, users: [vault], passwords: { vault: 'pw' } });
  assert.match(conf, /subscribe: \{ deny: ">" \}/);
  assert.match(conf, /publish: \{ allow: \["ledger\.\*\.\*\.connection\.>"\] \}/);
});

test('given any configuration, when rendered, then each message is synced and 4 MB is the largest', () => {
  const conf = natsConf({ ...base, users: [vault], passwords: { vault: 'pw' } });
  assert.match(conf, /sync_interval: always/);
  assert.match(conf, /max_payload: 4MB/);
});

test('given a user without a password, when rendered, then it is refused', () => {
  assert.throws(() => natsConf({ ...base, users: [vault], passwords: {} }), /no password for user vault/);
});

test('given a value that could end its string, when rendered, then it is refused', () => {
  assert.throws(() => natsConf({ ...base, users: [vault], passwords: { vault: 'a"\n}' } }), /cannot be quoted/);
});

test('given one of several servers, when rendered, then it names the routes of all', () => {
  const conf = natsConf({
    ...base,
    users: [vault],
    passwords: { vault: 'pw' },
    serverName: 'two',
    cluster: { name: 'c', port: 6002, routes: [6001, 6002] },
  });
  assert.match(
    conf,
    /cluster: \{ name: "c", listen: "127\.0\.0\.1:6002",\s+routes: \["nats-route:\/\/127\.0\.0\.1:6001", "nats-route:\/\/127\.0\.0\.1:6002"\] \}/,
  );
  assert.doesNotMatch(natsConf({ ...base, users: [vault], passwords: { vault: 'pw' } }), /cluster/);
});
