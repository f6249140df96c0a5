/** The service as processes of their own on a real NATS and PostgreSQL, spoken to over the bus like the gateway does. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pause, streamInfo } from '@sallyport/bus/api.ts';
import { append } from '@sallyport/bus/append.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import { aggregateSubject } from '@sallyport/bus/subjects.ts';
import { apiKeyHash } from '@sallyport/contracts/api-key.ts';
import type { Bearer, BusAnswer, BusCall, Reply } from '@sallyport/contracts/call.ts';
import type { Denial } from '@sallyport/contracts/errors.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { makeId } from '@sallyport/contracts/ids.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import { operations } from '@sallyport/contracts/operation.ts';
import '@sallyport/contracts/operations.ts';
import { passportsSealKey } from '@sallyport/contracts/operations/operator.ts';
import { generateSealKey, type SealPublicJwk } from '@sallyport/seal/sealed.ts';
import { openFields, sealFields } from '@sallyport/service-kit/seal-fields.ts';
import type { Log } from '@sallyport/service-kit/log.ts';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { withNats } from '@sallyport/testing/nats.ts';
import { withPostgres } from '@sallyport/testing/postgres.ts';
import { type StartedService, startService } from '@sallyport/testing/service.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { writeFile } from 'node:fs/promises';
import type { SigningPlace } from './signing.ts';

export const PUBLIC_URL = 'http://127.0.0.1:8787';
const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const PATIENCE_MS = 20_000;

export type Body = Record<string, unknown>;

export interface CallOptions {
  params?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  /** Default: the operator's key. */
  bearer?: Bearer;
  idempotency_key?: string;
  min_event_seq?: number;
}

export interface Platform {
  bus(user: string): Promise<Bus>;
  start(instance?: string): Promise<StartedService>;
  bootstrap(): Promise<Body>;
  /** The key of the bootstrapped operator. */
  key(): string;
  operatorId(): string;
  secretsDir: string;
  signing: SigningPlace;
  answer(operation: string, options?: CallOptions): Promise<BusAnswer>;
  /** The reply's body; throws with the denial. */
  call(operation: string, options?: CallOptions): Promise<Body>;
  reply(operation: string, options?: CallOptions): Promise<Reply>;
  /** The denial; throws when there is none. */
  denied(operation: string, options?: CallOptions): Promise<Denial>;
  /** Writes facts as the service that owns them. */
  write(user: string, kind: string, id: string, facts: { type: string; data: Body; more?: Partial<Fact> }[]): Promise<number>;
  connect(provider: string, more?: Partial<Connection>): Promise<Connection>;
  /** A revocation counts what the read model has within 250 ms: waits until it has all that stands in the log by now. */
  counted(): Promise<void>;
  stop(): Promise<void>;
}

export function newId(kind: Parameters<typeof makeId>[0]): string {
  return makeId(kind, Date.now(), randomBytes(10));
}

export async function platform(): Promise<Platform> {
  const [nats, postgres, folder] = await Promise.all([withNats(), withPostgres(), scratchFolder('passports-secrets')]);
  const secretsDir = join(folder, 'secrets');
  const natsPassword = join(folder, 'nats-password');
  const databasePassword = join(folder, 'database-password');
  await writeFile(natsPassword, nats.passwords['passports'] ?? '');
  await writeFile(databasePassword, postgres.passwords.passports);
  const url = new URL(postgres.url('passports'));
  url.password = '';
  const buses = new Map<string, Bus>();
  const services: StartedService[] = [];
  let key = '';
  let operatorId = '';

  async function bus(user: string): Promise<Bus> {
    const known = buses.get(user);
    if (known) return known;
    const made = await connectBus({ url: nats.url, user, password: nats.passwords[user] ?? '', name: `test-${user}`, log: silent });
    buses.set(user, made);
    return made;
  }

  /** Asked again, as the answer says, while the read model is behind what was written: nothing was done then. */
  async function answer(name: string, options: CallOptions = {}): Promise<BusAnswer> {
    for (const end = performance.now() + PATIENCE_MS; ; await pause(100)) {
      const given = await answerOnce(name, options);
      if (given.ok || given.denial.code !== 'READ_MODEL_BEHIND' || performance.now() > end) return given;
    }
  }

  async function answerOnce(name: string, options: CallOptions): Promise<BusAnswer> {
    const operation = operations().find((one) => one.name === name);
    if (!operation) throw new Error(`no operation ${name}`);
    const user = operation.asked_by && !operation.http ? (operation.asked_by[0] ?? 'gateway') : 'gateway';
    const { params = {}, query = {}, body, bearer = { kind: 'key', sha256: apiKeyHash(key) }, idempotency_key, min_event_seq } = options;
    const call: BusCall = {
      operation: name,
      bearer,
      params,
      query,
      body,
      request_id: newId('request'),
      ...(idempotency_key !== undefined && { idempotency_key }),
      ...(min_event_seq !== undefined && { min_event_seq }),
      // What the edge does for agent JWTs; it is not under test here.
      ...(bearer.kind === 'jwt' && { assertion_seq: 1 }),
    };
    const asked = await bus(user);
    if (!operation.secret_in && !operation.secret_out) return ask(asked, operation, call, { timeout_ms: 10_000 });
    const sealed = await sealFields(operation, body, await sealKey(asked));
    const given = await ask(asked, operation, { ...call, body: sealed, reply_key: { ...edge.public_jwk } }, { timeout_ms: 10_000 });
    return openFields(operation, given, edge.private_jwk);
  }

  const edge = generateSealKey();
  async function sealKey(asking: Bus): Promise<SealPublicJwk> {
    const call = {
      operation: passportsSealKey.name,
      bearer: { kind: 'none' as const },
      params: {},
      query: {},
      body: undefined,
      request_id: 'req_x',
    };
    const given = await ask(asking, passportsSealKey, call);
    if (!given.ok) throw new Error('no seal key');
    return { kty: 'OKP', crv: 'X25519', x: String(record(record(given.reply.body)['key'])['x']) };
  }

  async function reply(name: string, options: CallOptions = {}): Promise<Reply> {
    const given = await answer(name, options);
    if (!given.ok) throw new Error(`${name}: ${JSON.stringify(given.denial)}`);
    return given.reply;
  }

  const self: Platform = {
    bus,
    secretsDir,
    signing: { database_url: postgres.url('passports'), database_password: postgres.passwords.passports, secretsDir },
    key: () => key,
    operatorId: () => operatorId,
    start: async (instance = 'passports') => {
      const started = await startService('passports', {
        SALLYPORT_NATS_URL: nats.url,
        SALLYPORT_NATS_USER: 'passports',
        SALLYPORT_NATS_PASSWORD_FILE: natsPassword,
        SALLYPORT_DATABASE_URL: url.href,
        SALLYPORT_DATABASE_PASSWORD_FILE: databasePassword,
        SALLYPORT_SECRETS_DIR: secretsDir,
        SALLYPORT_INSTANCE: instance,
        PUBLIC_URL,
      });
      services.push(started);
      return started;
    },
    bootstrap: async () => {
      const bootstrap_token = (await readFile(join(secretsDir, 'bootstrap-token'), 'utf8')).trim();
      const body = { bootstrap_token, operator_name: 'Acme', owner_email: 'owner@example.com', owner_name: 'Olivia' };
      const made = await self.call('operator.bootstrap', { body, bearer: { kind: 'none' } });
      key = String(made['api_key']);
      operatorId = String(record(made['operator'])['id']);
      return made;
    },
    answer,
    reply,
    call: async (name, options) => record((await reply(name, options)).body),
    denied: async (name, options) => {
      const given = await answer(name, options);
      if (given.ok) throw new Error(`${name} was not denied: ${JSON.stringify(given.reply.body)}`);
      return given.denial;
    },
    write: async (user, kind, id, drafts) => {
      const facts = drafts.map(
        ({ type, data, more }): Fact => ({
          id: newId('event'),
          type,
          v: 1,
          at: Date.now(),
          operator_id: operatorId,
          actor: { type: 'service', id: user },
          data,
          ...more,
        }),
      );
      const result = await append(await bus(user), [
        { subject: aggregateSubject(operatorId, kind, id), facts, id: newId('event'), expect: 0 },
      ]);
      if ('conflict' in result) throw new Error(`conflict on ${result.conflict}`);
      return result.seq;
    },
    connect: async (provider, more = {}) => {
      const connection = connectionOf(provider, more);
      await self.write('vault', 'connection', connection.id, [{ type: 'service.connected', data: { connection } }]);
      return connection;
    },
    counted: async () => {
      const { state } = await streamInfo(await bus('passports'));
      await eventually(() => reply('passports.active', { query: {}, min_event_seq: state.last_seq }));
    },
    stop: async () => {
      await Promise.all(services.map((service) => service.stop().catch(() => undefined)));
      await Promise.all([...buses.values()].map((one) => one.close()));
      await Promise.all([nats.stop(), postgres.stop()]);
      removeFolder(folder);
    },
  };
  return self;
}

export function record(value: unknown): Body {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`not an object: ${JSON.stringify(value)}`);
  return Object.fromEntries(Object.entries(value));
}

export function connectionOf(provider: string, more: Partial<Connection> = {}): Connection {
  const now = new Date(0).toISOString();
  return {
    id: newId('connection'),
    service_id: `svc_${provider}`,
    provider,
    label: null,
    status: 'active',
    verification: 'unverified',
    verified_at: null,
    scopes: ['repo', 'read'],
    hosts: [`api.${provider}.com`],
    base_url: `https://api.${provider}.com`,
    default: true,
    proxy_enabled: true,
    allow_http: false,
    allow_private_networks: false,
    upstream_override: null,
    propagate_trace: false,
    placeholders: {},
    default_access: 'all_agents',
    default_approval: 'never',
    baseline_constraints: [],
    credential_ref: newId('credential'),
    connected_by: { type: 'operator', id: 'x' },
    connected_at: now,
    updated_at: now,
    ...more,
  };
}

export interface AgentKey {
  jwk: { kty: string; crv: string; x: string };
  sign(text: string): string;
  bearer(agentId: string): Bearer;
}

/** What an agent holds. */
export function agentKey(): AgentKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const signText = (text: string): string => sign(null, Buffer.from(text), privateKey).toString('base64url');
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    jwk: { kty: 'OKP', crv: 'Ed25519', x },
    sign: signText,
    bearer: (agentId) => {
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: 'stack-sdk', sub: agentId, aud: 'stack:agent', iat: now, nbf: now, exp: now + 60, jti: newId('request') };
      const signed = `${part({ alg: 'EdDSA', typ: 'JWT' })}.${part(claims)}`;
      return { kind: 'jwt', token: `${signed}.${signText(signed)}` };
    },
  };
}

export async function register(on: Platform, more: Body = {}): Promise<string> {
  return String((await on.call('agents.register', { body: { name: 'triage-bot', ...more } }))['id']);
}

export async function enrol(on: Platform, agentId: string, key: AgentKey = agentKey()): Promise<{ key: AgentKey; answer: Body }> {
  const params = { id: agentId };
  const { challenge, challenge_id } = await on.call('agents.enrolment_challenge', { params });
  const body = { public_key: key.jwk, challenge_id, signed_challenge: key.sign(String(challenge)) };
  return { key, answer: await on.call('agents.enrol', { params, body }) };
}

/** A mission with its passport. */
export async function start(
  on: Platform,
  agentId: string,
  more: Body = {},
  passport: Body = {},
): Promise<{ mission_id: string; passport: Body }> {
  const mission = { intent_summary: 'Triage open issues in acme/sandbox', intent_services: ['github'], ...more };
  const made = await on.call('missions.start', { body: { agent_id: agentId, mission, passport } });
  return { mission_id: String(made['mission_id']), passport: record(made['passport']) };
}

export async function verify(on: Platform, token: unknown): Promise<Body> {
  return on.call('passports.verify', { body: { token }, bearer: { kind: 'none' } });
}
