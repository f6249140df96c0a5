/**
 * The description of the HTTP API, OpenAPI 3.1, from the same operations that validate requests (api.md §19). Deterministic: the same operations give the
 * same bytes. Pure.
 */
import type { TSchema } from 'typebox';
import { ERRORS, type ErrorCode } from './errors.ts';
import { Grant } from './objects/access.ts';
import { Agent } from './objects/agent.ts';
import { Connection, Service, ServiceTemplate } from './objects/connection.ts';
import { Member, Operator, OperatorSettings } from './objects/operator.ts';
import { IssuedPassport, Mission, Passport } from './objects/passport.ts';
import { AuditRow } from './operations/audit.ts';
import { SecurityEvent } from './operations/security-events.ts';
import {
  ERROR_SCHEMA,
  OAUTH_ERROR_SCHEMA,
  type Json,
  type JsonObject,
  REQUEST_HEADERS,
  RESPONSE_HEADERS,
  type ResponseHeader,
  SECURITY_SCHEMES,
} from './openapi-parts.ts';
import type { HttpBinding, Operation } from './operation.ts';

export interface OpenApiOptions {
  version: string;
  /** Outside addresses. */
  servers: readonly string[];
}

type HttpOperation = Operation & { http: HttpBinding };

const NAMED: Record<string, TSchema> = {
  Agent,
  AuditRow,
  Connection,
  Grant,
  IssuedPassport,
  Member,
  Mission,
  Operator,
  OperatorSettings,
  Passport,
  SecurityEvent,
  Service,
  ServiceTemplate,
};

/** Operations without HTTP are left out: they are nobody's but the services'. */
export function openApiDocument(operations: readonly Operation[], { version, servers }: OpenApiOptions): JsonObject {
  const served = operations.filter((operation): operation is HttpOperation => operation.http !== undefined);
  const routes = served.flatMap((operation) =>
    [operation.http.path, ...(operation.http.aliases ?? [])].map((path, index) => ({ operation, path, index })),
  );
  routes.sort((a, b) => order(a.path, b.path) || order(a.operation.http.method, b.operation.http.method));
  const paths: Record<string, JsonObject> = {};
  for (const { operation, path, index } of routes) {
    const template = path.replace(/:([A-Za-z_]+)/g, '{$1}');
    const item = (paths[template] ??= {});
    item[operation.http.method.toLowerCase()] = describe(operation, index);
  }
  const schemas = Object.fromEntries(Object.entries(NAMED).map(([name, schema]) => [name, plain(schema, schema)]));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sallyport',
      version,
      summary: 'Self-hosted trust infrastructure for AI agents',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    servers: servers.map((url) => ({ url })),
    paths,
    components: {
      schemas: { ...schemas, Error: ERROR_SCHEMA, OAuthError: OAUTH_ERROR_SCHEMA },
      parameters: REQUEST_HEADERS,
      headers: RESPONSE_HEADERS,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function describe(operation: HttpOperation, alias: number): JsonObject {
  const body = operation.body && operation.http.method !== 'GET' ? plain(operation.body) : undefined;
  return {
    operationId: alias === 0 ? operation.name : `${operation.name}.alias_${alias}`,
    summary: operation.summary,
    tags: [operation.name.split('.')[0] ?? operation.name],
    ...(alias > 0 && { description: `The same as \`${operation.http.path}\`.` }),
    'x-sallyport-who': [...operation.who],
    ...(operation.scope !== undefined && { 'x-sallyport-scope': operation.scope }),
    security: security(operation),
    parameters: parameters(operation),
    ...(body && {
      requestBody: {
        required: (operation.body && 'required' in operation.body) === true,
        content: { [operation.http.consumes === 'form' ? 'application/x-www-form-urlencoded' : 'application/json']: { schema: body } },
      },
    }),
    responses: responses(operation),
  };
}

function isProxied({ http }: HttpOperation): boolean {
  return http.path === '/v1/proxy';
}

function security(operation: HttpOperation): Json[] {
  const { who } = operation;
  if (who.includes('-')) return [];
  const needed: JsonObject = isProxied(operation) ? { passport: [] } : {};
  const people = who.some((letter) => letter !== 'G');
  const bearers = [...(people ? ['key', 'session', 'cookie'] : []), ...(who.includes('G') ? ['agent'] : [])];
  return bearers.map((bearer) => ({ [bearer]: [], ...needed }));
}

function parameters(operation: HttpOperation): Json[] {
  const { path, method } = operation.http;
  const inPath = [...path.matchAll(/:([A-Za-z_]+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', maxLength: 64 },
  }));
  const names: (keyof typeof REQUEST_HEADERS)[] = ['Traceparent', 'Tracestate'];
  if (operation.creates) names.push('IdempotencyKey');
  if (method === 'GET' && operation.errors.includes('READ_MODEL_BEHIND')) names.push('MinEventSeq');
  if (isProxied(operation)) names.push('AgentToken', 'IntentApprovalId', 'AuthorityRequestId');
  return [...inPath, ...queryParameters(operation), ...names.map((name) => ({ $ref: `#/components/parameters/${name}` }))];
}

function queryParameters({ query }: HttpOperation): JsonObject[] {
  const schema = query ? plain(query) : {};
  const properties = isObject(schema) && isObject(schema['properties']) ? schema['properties'] : {};
  const required = isObject(schema) && Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: withoutNull(property),
  }));
}

/** A query string has no `null`: of `X or null` only X can be sent. */
function withoutNull(schema: Json): Json {
  if (!isObject(schema) || !Array.isArray(schema['anyOf'])) return schema;
  const rest = schema['anyOf'].filter((branch) => !(isObject(branch) && branch['type'] === 'null'));
  return rest.length === 1 && rest[0] !== undefined ? rest[0] : { ...schema, anyOf: rest };
}

function responses(operation: HttpOperation): JsonObject {
  const { status, also = [], produces = ['application/json'] } = operation.http;
  const schema = operation.response ? plain(operation.response) : {};
  const success = {
    description: operation.summary,
    headers: headers([...common(operation), ...successHeaders(operation)]),
    content: Object.fromEntries(produces.map((type) => [type, { schema: type === 'application/json' ? schema : { type: 'string' } }])),
  };
  const found: JsonObject = Object.fromEntries([status, ...also].map((code) => [String(code), success]));
  const byStatus = Map.groupBy(
    operation.errors.flatMap((code) => statuses(code).map((error) => ({ code, error }))),
    ({ error }) => error,
  );
  for (const [error, entries] of [...byStatus].sort(([a], [b]) => a - b)) {
    const codes = [...new Set(entries.map(({ code }) => code))].sort(order);
    const narrowed = { type: 'object', properties: { error: { type: 'object', properties: { code: { enum: codes } } } } };
    found[String(error)] = {
      description: codes.join(', '),
      headers: headers([...common(operation), ...errorHeaders(operation, error)]),
      content: errorContent(operation.http, { allOf: [{ $ref: '#/components/schemas/Error' }, narrowed] }),
    };
  }
  return found;
}

function errorContent({ errors }: HttpBinding, envelope: JsonObject): JsonObject {
  if (errors === 'page') return { 'text/html': { schema: { type: 'string' } } };
  return { 'application/json': { schema: errors === 'oauth' ? { $ref: '#/components/schemas/OAuthError' } : envelope } };
}

/** MISSION_ENDED is 403 where something is to be issued and 404 where a mission is to be renewed (api.md §7.1). */
function statuses(code: ErrorCode): number[] {
  return code === 'MISSION_ENDED' ? [403, 404] : [ERRORS[code]];
}

function common({ http }: HttpOperation): ResponseHeader[] {
  const limited: ResponseHeader[] = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'];
  return ['X-Request-Id', 'traceresponse', 'Cache-Control', ...(http.path.startsWith('/v1/') ? limited : [])];
}

function successHeaders(operation: HttpOperation): ResponseHeader[] {
  const query = operation.query ? plain(operation.query) : null;
  const paged = isObject(query) && isObject(query['properties']) && query['properties']['cursor'] !== undefined;
  const writes = operation.errors.includes('AUDIT_UNAVAILABLE') && !isProxied(operation) && operation.http.method !== 'GET';
  return [
    ...(writes ? ['X-Event-Seq' as const] : []),
    ...(operation.creates ? ['Idempotency-Replayed' as const] : []),
    ...(paged ? (['X-Next-Cursor', 'Link'] as const) : []),
  ];
}

function errorHeaders(operation: HttpOperation, status: number): ResponseHeader[] {
  const names: ResponseHeader[] = [];
  if (status === 429 || status === 503 || (status === 409 && operation.creates)) names.push('Retry-After');
  if (status === 405) names.push('Allow');
  if (isProxied(operation)) names.push('X-Sallyport-Error');
  return names;
}

function headers(names: readonly ResponseHeader[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

const componentOf = new Map<unknown, string>(Object.entries(NAMED).map(([name, schema]) => [schema, name]));

/** Plain JSON of a schema, with references to the named ones; `self` is the one being named. */
function plain(schema: unknown, self?: TSchema): Json {
  const name = schema === self ? undefined : componentOf.get(schema);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  if (Array.isArray(schema)) return schema.map((item) => plain(item));
  if (typeof schema !== 'object' || schema === null) return isPrimitive(schema) ? schema : null;
  const members = Object.entries(schema).filter(([, value]) => value !== undefined && typeof value !== 'function');
  return Object.fromEntries(members.map(([key, value]) => [key, plain(value)]));
}

function isPrimitive(value: unknown): value is null | boolean | number | string {
  return value === null || ['boolean', 'number', 'string'].includes(typeof value);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
