/** Callers with real credentials, and the answers that their owner would give about them. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { BusCall } from '@sallyport/contracts/call.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import type { PrincipalView } from '@sallyport/contracts/objects/views.ts';

export const NOW = Date.parse('2026-06-01T09:00:10.000Z');
const pair = generateKeyPairSync('ed25519');
const { x = '' } = pair.publicKey.export({ format: 'jwk' });

export const AGENT_ID = 'agt_01kt16jnjge4ma4jz41b93y214';
export const OPERATOR_ID = 'op_01kt16jkm0emq8k9w39qsaekf4';

export const agent: Agent = {
  id: AGENT_ID,
  operator_id: OPERATOR_ID,
  name: 'autogen-assistant',
  description: '',
  status: 'active',
  accountability_mode: 'enforced',
  on_warning: 'notify',
  on_critical: 'notify',
  credential_access: 'proxy_only',
  key_mode: 'stack_managed',
  passport_blocked: false,
  passport_blocked_reason: null,
  passport_blocked_at: null,
  llm_inject_system_prompt: true,
  llm_redact_pii: true,
  icon_url: null,
  public_key: { kty: 'OKP', crv: 'Ed25519', x },
  key_thumbprint: null,
  enrolled_at: null,
  allowed_connections: null,
  bind_resources: 'auto',
  max_mission_seconds: 86_400,
  created_by: { type: 'operator', id: OPERATOR_ID },
  created_at: '2026-06-01T09:00:01.000Z',
  updated_at: '2026-06-01T09:00:02.000Z',
};

export function agentJwt(claims: Record<string, unknown> = {}): string {
  const seconds = Math.floor(NOW / 1000);
  const payload = {
    iss: 'stack-sdk',
    sub: AGENT_ID,
    aud: 'stack:agent',
    iat: seconds,
    nbf: seconds,
    exp: seconds + 60,
    jti: 'jti-0123456789abcdef',
    ...claims,
  };
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ alg: 'EdDSA', typ: 'JWT' })}.${encode(payload)}`;
  return `${signed}.${sign(null, Buffer.from(signed), pair.privateKey).toString('base64url')}`;
}

export const KEY_HASH = createHash('sha256').update('a key').digest('hex');

export function member(role: 'readonly' | 'standard' | 'admin' | 'owner', more: Partial<PrincipalView['principal']> = {}): PrincipalView {
  return {
    position: 1,
    expires_at_ms: null,
    principal: {
      type: 'member',
      id: 'mem_01kt16jmk8es8r65rzyjka792g',
      operator_id: OPERATOR_ID,
      role,
      credential: 'member_key',
      allowed_connections: null,
      scopes: null,
      target: `key:${KEY_HASH}`,
      ...more,
    },
  };
}

export function call(more: Partial<BusCall> = {}): BusCall {
  return { operation: 'x', bearer: { kind: 'key', sha256: KEY_HASH }, params: {}, query: {}, body: null, request_id: 'req_1', ...more };
}
