/**
 * Request bodies: JSON, or a form where the route says so; each read by a parser that refuses what is ambiguous (api.md §1.1, §1.8, §8.1). An empty body
 * is no body. Each route has its own size limit, which the framework enforces before anything is parsed.
 */
import { type Denial, denial, invalid } from '@sallyport/contracts/errors.ts';
import { type JsonResult, parseJson } from '@sallyport/policy/parse-json.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { readForm } from './form.ts';

/** Carries a refusal through the framework's error path. */
export class BodyRefused extends Error {
  override readonly name = 'BodyRefused';
  readonly denial: Denial;

  constructor(refused: Denial) {
    super(refused.message);
    this.denial = refused;
  }
}

/** Where every number and string must come out as it went in. */
const EXACT_PATHS: ReadonlySet<string> = new Set(['/v1/proxy']);

export function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    /^application\/(?:[a-z0-9.+-]+\+)?json(?:;|$)/i,
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done) => {
      if (takesForm(request)) return done(new BodyRefused(denial('UNSUPPORTED_MEDIA_TYPE', 'The request body is not a form.')));
      if (body.length === 0) return done(null, undefined);
      // What the schema of a control call thinks of a lossy number is said later.
      const read = parseJson(body, EXACT_PATHS.has(request.routeOptions.url ?? ''));
      if (read.ok) done(null, read.value);
      else done(refused(read));
    },
  );
  app.addContentTypeParser(
    /^application\/x-www-form-urlencoded(?:;|$)/i,
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done) => {
      if (!takesForm(request)) return done(new BodyRefused(denial('UNSUPPORTED_MEDIA_TYPE', 'The request body is not JSON.')));
      const read = readForm(body);
      if (read.ok) done(null, read.value);
      else done(new BodyRefused(invalid([{ path: read.path, rule: read.rule }])));
    },
  );
}

function takesForm({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.config.consumes === 'form';
}

function refused({ path, rule }: Extract<JsonResult, { ok: false }>): BodyRefused {
  if (rule === 'max_depth') return new BodyRefused(denial('PAYLOAD_TOO_LARGE', 'The JSON is nested too deeply.'));
  return new BodyRefused(invalid([{ path, rule }]));
}
