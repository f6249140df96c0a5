/** `/openapi.json` (api.md §19): OpenAPI 3.1 of every operation with an HTTP binding, from the schemas that validate. Pure. */
import { ERRORS, type ErrorCode } from '@sallyport/contracts/errors.ts';
import { OAUTH_ERROR_SCHEMA } from '@sallyport/contracts/openapi-parts.ts';
import type { HttpBinding, Operation } from '@sallyport/contracts/operation.ts';
import { operations } from '@sallyport/contracts/operations.ts';

type Json = Record<string, unknown>;

const ERROR_SCHEMA = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'details', 'metadata'],
      properties: {
        code: { type: 'string', enum: Object.keys(ERRORS) },
        message: { type: 'string' },
        details: { $ref: '#/components/schemas/ErrorMetadata' },
        metadata: { $ref: '#/components/schemas/ErrorMetadata' },
      },
    },
  },
};

export function openapiDocument(publicUrl: string, version: string): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations()) {
    const { http } = operation;
    if (!http) continue;
    for (const path of [http.path, ...(http.aliases ?? [])]) {
      const name = path.replaceAll(/:([a-z_]+)/g, '{$1}');
      const item = (paths[name] ??= {});
      item[http.method.toLowerCase()] = describe(operation, path === http.path);
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sallyport', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: publicUrl }],
    paths,
    components: {
      schemas: {
        Error: ERROR_SCHEMA,
        OAuthError: OAUTH_ERROR_SCHEMA,
        ErrorMetadata: {
          type: 'object',
          required: ['request_id'],
          properties: { request_id: { type: 'string' } },
          additionalProperties: true,
        },
      },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function describe(operation: Operation, isFirst: boolean): Json {
  const { http, body, response, summary, who, name } = operation;
  if (!http) return {};
  const content = (http.produces ?? ['application/json']).map((type) => [
    type,
    type === 'application/json' && response ? { schema: plain(response) } : {},
  ]);
  return {
    operationId: isFirst ? name : `${name}.alias`,
    summary,
    'x-who': who,
    ...(who.includes('-') ? { security: [] } : { security: [{ bearer: [] }] }),
    parameters: [...parameters(operation.params, 'path'), ...parameters(operation.query, 'query'), ...headerParameters(operation)],
    ...(body && {
      requestBody: {
        required: requires(body),
        content: { [http.consumes === 'form' ? 'application/x-www-form-urlencoded' : 'application/json']: { schema: plain(body) } },
      },
    }),
    responses: {
      [http.status]: { description: 'Success', content: Object.fromEntries(content) },
      ...errorResponses(operation.errors, http.errors),
    },
  };
}

function errorResponses(errors: readonly ErrorCode[], form: HttpBinding['errors']): Json {
  const byStatus = Map.groupBy(errors, (code) => ERRORS[code]);
  const content =
    form === 'page'
      ? { 'text/html': {} }
      : { 'application/json': { schema: { $ref: `#/components/schemas/${form === 'oauth' ? 'OAuthError' : 'Error'}` } } };
  return Object.fromEntries([...byStatus].map(([status, codes]) => [status, { description: [...new Set(codes)].join(', '), content }]));
}

function parameters(schema: Operation['params'], where: 'path' | 'query'): Json[] {
  const read = plain(schema ?? {});
  const properties = read['properties'];
  const required = Array.isArray(read['required']) ? read['required'] : [];
  if (typeof properties !== 'object' || properties === null) return [];
  return Object.entries(properties).map(([name, one]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: one,
  }));
}

function headerParameters({ creates, name }: Operation): Json[] {
  const names = [
    ...(creates ? ['Idempotency-Key'] : []),
    ...(name === 'proxy.call' ? ['X-Passport-Token', 'X-Intent-Approval-Id', 'X-STACK-Authority-Request-Id'] : []),
  ];
  return names.map((header) => ({ name: header, in: 'header', required: header === 'X-Passport-Token', schema: { type: 'string' } }));
}

function requires(schema: object): boolean {
  const required = plain(schema)['required'];
  return Array.isArray(required) && required.length > 0;
}

/** As JSON: what the schema library keeps beside the schema is not part of the description. */
function plain(schema: object): Json {
  const value: unknown = JSON.parse(JSON.stringify(schema));
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
