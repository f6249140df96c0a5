import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostPlatform } from '../src/platform.ts';

const bus = {
  SALLYPORT_NATS_URL: 'nats://nats:4222',
  SALLYPORT_NATS_PASSWORD_FILE: '/secrets/nats-password',
  SALLYPORT_INTERNAL_PORT: '9090',
};

test("given the administrator's container, then there is the bus and the gateway, and no service in it", async () => {
  const env = { ...bus, SALLYPORT_NATS_USER: 'host', SALLYPORT_GATEWAY_URL: 'http://gateway:8787' };
  const { gateways, instances, bus: own } = await hostPlatform(env);
  assert.deepEqual([gateways, instances], [['http://gateway:8787'], []]);
  assert.deepEqual(own, { url: bus.SALLYPORT_NATS_URL, password_file: bus.SALLYPORT_NATS_PASSWORD_FILE });
});

test("given a service's container, then there is that service, and no address that only the host can reach", async () => {
  const env = { ...bus, SALLYPORT_NATS_USER: 'audit', PUBLIC_URL: 'http://127.0.0.1:8787' };
  const { gateways, instances, bus: own } = await hostPlatform(env);
  assert.deepEqual([gateways, own], [[], null]);
  assert.deepEqual(instances, [{ service: 'audit', name: 'audit', internal_url: 'http://127.0.0.1:9090' }]);
});
