/** What the vault asks of `passports`, answered from a small table: real messages over the real bus, as that service's NATS user. */
import { generateKeyPairSync, sign } from 'node:crypto';
import type { Bus } from '@sallyport/bus/connect.ts';
import { serve } from '@sallyport/bus/rpc.ts';
import { reply } from '@sallyport/contracts/call.ts';
import { DEFAULT_APPROVAL_RULE } from '@sallyport/contracts/objects/access.ts';
import { DEFAULT_SETTINGS } from '@sallyport/contracts/objects/operator.ts';
import type { ResolvedPassport } from '@sallyport/contracts/objects/views.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import type { Log } from '@sallyport/service-kit/log.ts';
import { newId } from '@sallyport/service-kit/ids.ts';

export const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
export const ISSUER = 'http://127.0.0.1:8787';

const issuer = generateKeyPairSync('ed25519');
const { x } = issuer.publicKey.export({ format: 'jwk' });
const KID = 'test-key';

export interface StandIn {
  /** SHA-256 (hex) of a key → who it is. */
  principals: Map<string, Principal>;
  resolved: Map<string, ResolvedPassport>;
  revokedHolders: string[];
  stop(): Promise<void>;
}

export function standIn(bus: Bus): StandIn {
  const principals: StandIn['principals'] = new Map();
  const resolved: StandIn['resolved'] = new Map();
  const revokedHolders: string[] = [];
  const field = (body: unknown, name: string): string => String(Object.entries(body ?? {}).find(([key]) => key === name)?.[1]);
  const serving = serve(
    bus,
    'passports',
    {
      'principal.resolve': async ({ body }) => {
        const principal = principals.get(field(body, 'sha256'));
        return reply(200, principal ? { position: 1, principal, expires_at_ms: null } : null);
      },
      'operator.resolve': async ({ body }) =>
        reply(200, {
          position: 1,
          operator_id: field(body, 'operator_id'),
          frozen: false,
          frozen_reason: null,
          settings: DEFAULT_SETTINGS,
          signed_in: false,
        }),
      'passports.jwks': async () => reply(200, { keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: KID, alg: 'EdDSA', use: 'sig' }] }),
      'passport.resolve': async ({ body }) => reply(200, resolved.get(field(body, 'jti')) ?? null),
      'connection.revoke_holders': async ({ body }) => {
        revokedHolders.push(field(body, 'connection_id'));
        return reply(200, { revoked_count: 3 });
      },
    },
    { log: silent },
  );
  return { principals, resolved, revokedHolders, stop: serving.stop };
}

/** A passport that is live, holds one connection, and its token. */
export function livePassport(operatorId: string, connectionId: string): { token: string; view: ResolvedPassport } {
  const now = Date.now();
  const [jti, agent_id, session_id, mission_id] = [
    newId('passport', now),
    newId('agent', now),
    newId('session', now),
    newId('mission', now),
  ];
  const service = {
    connection_id: connectionId,
    service_id: connectionId,
    service_name: 'github',
    scopes: ['repo'],
    credential_ref: newId('credential', now),
    any_of: [],
    resources: [],
  };
  const seconds = Math.floor(now / 1000);
  const claims = {
    iss: ISSUER,
    aud: 'stack:passport',
    sub: agent_id,
    jti,
    iat: seconds,
    nbf: seconds,
    exp: seconds + 300,
    stk: {
      operator_id: operatorId,
      agent_id,
      agent_name: 'a-b',
      services: [service],
      identity_claims: [],
      delegation_depth: 0,
      mission_ids: [mission_id],
      session_id,
      accountability: 'enforced',
      intent_services: ['github'],
    },
  };
  const at = new Date(now).toISOString();
  const expires = now + 300_000;
  const view: ResolvedPassport = {
    passport: {
      position: 1,
      jti,
      operator_id: operatorId,
      agent_id,
      session_id,
      mission_id,
      line: jti,
      issued_seq: 1,
      accountability: 'enforced',
      state: 'live',
      reason: null,
      expires_at_ms: expires,
      cnf_jkt: null,
      parents: [],
      delegation_depth: 0,
      services: [service],
      intent_summary: 'x',
      intent_services: ['github'],
    },
    mission: {
      position: 1,
      mission_id,
      state: 'open',
      opened_seq: 1,
      opened_at_ms: now,
      expires_at_ms: expires,
      caps: {},
      cap_behavior: {},
      ancestors: [],
      above: [],
    },
    agent: {
      position: 1,
      agent: {
        id: agent_id,
        operator_id: operatorId,
        name: 'a-b',
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
        llm_inject_system_prompt: false,
        llm_redact_pii: false,
        icon_url: null,
        public_key: null,
        key_thumbprint: null,
        enrolled_at: null,
        allowed_connections: null,
        bind_resources: 'auto',
        max_mission_seconds: 86_400,
        created_by: { type: 'operator', id: operatorId },
        created_at: at,
        updated_at: at,
      },
    },
    operator: { position: 1, operator_id: operatorId, frozen: false, frozen_reason: null, settings: DEFAULT_SETTINGS, signed_in: false },
    access: {
      [connectionId]: {
        position: 1,
        connection: null,
        grant: {
          explicit: true,
          scopes: ['repo'],
          constraints: [],
          any_of: [],
          approval: 'never',
          approval_rule: DEFAULT_APPROVAL_RULE,
          expires_at_ms: null,
        },
      },
    },
  };
  return { token: signed(claims), view };
}

function signed(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'EdDSA', typ: 'passport+jwt', kid: KID })}.${part(claims)}`;
  return `${text}.${sign(null, Buffer.from(text), issuer.privateKey).toString('base64url')}`;
}
