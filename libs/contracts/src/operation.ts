/**
 * An operation, once: name, owner, who may call, shapes, errors, HTTP binding. From it come routes, validation, bus subjects,
 * typed clients and the OpenAPI document (architecture, "The bus"). An operation that is not defined does not exist: 404.
 */
import type { Static, TSchema } from 'typebox';
import type { ErrorCode } from './errors.ts';
import type { Letter } from './principal.ts';

export const SERVICES = ['gateway', 'passports', 'vault', 'audit', 'detectors'] as const;
export type ServiceName = (typeof SERVICES)[number];
/** The administrator on the host, who asks over the bus with credentials of the installation. */
export type Asker = ServiceName | 'host';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpBinding {
  method: Method;
  /** Fastify path, `/v1/agents/:id`. */
  path: string;
  /** Further paths that mean the same. */
  aliases?: string[];
  /** Status of success. */
  status: number;
  /** Further statuses that come with the same body (`/readyz`). */
  also?: readonly number[];
  /** Largest body in bytes; default 1 MB (api.md §1.8). */
  body_limit?: number;
  /** `json`, or what a streamed answer may be. */
  produces?: string[];
  cache?: string;
  /** What the request body is; JSON unless said. */
  consumes?: 'form';
  /** Refusals in another form than the envelope: RFC 6749 JSON, or a page for a person's browser. */
  errors?: 'oauth' | 'page';
  /** The answer's `session_token` becomes the session cookie too, or the cookie is taken away (api.md §3.1). */
  session_cookie?: 'set' | 'clear';
  /** A public operation that an agent may call in its own name. */
  bearer?: 'optional';
  /** Limited per address like every sign-in (api.md §1.6). */
  limit?: 'sign_in';
}

export interface Operation {
  name: string;
  owner: ServiceName;
  summary: string;
  /** Letters of api.md §3.2; `-` is public; empty = no HTTP caller at all. */
  who: readonly Letter[];
  /** OAuth scope that opens it for access tokens (api.md §3.6). */
  scope?: string;
  http?: HttpBinding;
  /** Who may ask it over the bus without an outside caller. */
  asked_by?: readonly Asker[];
  /** Takes `Idempotency-Key` (api.md §1.5). */
  creates?: boolean;
  /** Agent JWTs are single-use here: every control call but GETs, verify and simulate (api.md §3.3). */
  single_use?: boolean;
  /** An enrolment ticket opens it too (api.md §5.2); everywhere else a ticket is of the wrong kind. */
  by_ticket?: boolean;
  /** Body fields that hold a secret: the edge seals them to the owner's key, so that the bus never carries them in clear. */
  secret_in?: readonly string[];
  /** Answer fields that hold a secret: the owner seals them to `BusCall.reply_key`. */
  secret_out?: readonly string[];
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
  response?: TSchema;
  errors: readonly ErrorCode[];
}

const registry = new Map<string, Operation>();

export function operation<const O extends Operation>(definition: O): O {
  if (registry.has(definition.name)) throw new Error(`operation ${definition.name} is defined twice`);
  registry.set(definition.name, definition);
  return definition;
}

export function operations(): Operation[] {
  return [...registry.values()];
}

export type BodyOf<O extends Operation> = O['body'] extends TSchema ? Static<O['body']> : undefined;
export type QueryOf<O extends Operation> = O['query'] extends TSchema ? Static<O['query']> : Record<string, never>;
export type ResponseOf<O extends Operation> = O['response'] extends TSchema ? Static<O['response']> : unknown;

export const E_READ = [
  'INVALID_REQUEST',
  'UNAUTHORIZED',
  'INVALID_API_KEY',
  'FORBIDDEN',
  'METHOD_NOT_ALLOWED',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
  'READ_MODEL_BEHIND',
] as const satisfies readonly ErrorCode[];
export const E_WRITE = [
  ...E_READ,
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'AUDIT_UNAVAILABLE',
] as const satisfies readonly ErrorCode[];
export const E_CREATE = [...E_WRITE, 'CONFLICT', 'IDEMPOTENCY_KEY_REUSED'] as const satisfies readonly ErrorCode[];
export const E_ID = ['NOT_FOUND'] as const satisfies readonly ErrorCode[];
export const E_PUBLIC = [
  'INVALID_REQUEST',
  'METHOD_NOT_ALLOWED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
] as const satisfies readonly ErrorCode[];
