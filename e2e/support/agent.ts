/** An agent with its own key, as a test drives it: registers, enrols, signs a fresh JWT per request (api.md §3.3, §5.2). */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { Answer, Api } from './api.ts';

export interface TestAgent {
  id: string;
  /** A fresh agent JWT; claims can be changed to make a bad one. */
  jwt(claims?: Record<string, unknown>, header?: Record<string, unknown>): string;
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function enrolledAgent(operator: Api, fields: Record<string, unknown> = {}): Promise<TestAgent> {
  const registered = await operator('POST', '/v1/agents/register', { name: 'test-agent', ...fields });
  assert.equal(registered.status, 201, JSON.stringify(registered.body));
  return enrol(operator, registered.body.id);
}

export async function enrol(operator: Api, id: string): Promise<TestAgent> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const challenge = await operator('POST', `/v1/agents/${id}/enrollment-challenge`);
  assert.equal(challenge.status, 201, JSON.stringify(challenge.body));
  const { kty, crv, x } = publicKey.export({ format: 'jwk' });
  const enrolled = await operator('POST', `/v1/agents/${id}/enroll`, {
    public_key: { kty, crv, x },
    challenge_id: challenge.body.challenge_id,
    signed_challenge: sign(null, Buffer.from(challenge.body.challenge), privateKey).toString('base64url'),
  });
  assert.equal(enrolled.status, 200, JSON.stringify(enrolled.body));
  return {
    id,
    jwt(claims = {}, header = {}) {
      const now = Math.floor(Date.now() / 1000);
      const head = base64url({ alg: 'EdDSA', typ: 'JWT', kid: enrolled.body.kid, ...header });
      const payload = base64url({
        iss: 'stack-sdk',
        sub: id,
        aud: 'stack:agent',
        iat: now,
        nbf: now,
        exp: now + 60,
        jti: randomBytes(16).toString('hex'),
        ...claims,
      });
      const signature = sign(null, Buffer.from(`${head}.${payload}`), privateKey).toString('base64url');
      return `${head}.${payload}.${signature}`;
    },
  };
}

export async function startMission(
  operator: Api,
  agentId: string,
  mission: Record<string, unknown> = {},
  passport: Record<string, unknown> = {},
): Promise<Answer['body']> {
  const started = await operator('POST', '/v1/missions/start', {
    agent_id: agentId,
    mission: { intent_summary: 'Triage open issues in acme/sandbox', intent_services: ['github'], ...mission },
    passport,
  });
  assert.equal(started.status, 201, JSON.stringify(started.body));
  return started.body;
}

/** GitHub as a connection whose calls go to a server of the test. */
export async function connectGithub(operator: Api, upstream: string, more: Record<string, unknown> = {}): Promise<Answer['body']> {
  const connected = await operator('POST', '/v1/services/connect', {
    service_id: 'github',
    oauth_token: 'ghp_test_token',
    scopes: ['repo'],
    upstream_override: upstream,
    allow_private_networks: true,
    ...more,
  });
  assert.equal(connected.status, 201, JSON.stringify(connected.body));
  return connected.body;
}
