/**
 * Steps 10 to 12 of api.md §8.2: operation ids that are already known, the credential, the address. Sends nothing and records nothing. What comes out
 * is the request as it will leave. Throws Unanswered where an owner does not answer in time.
 */
import { digestHash, operationHash } from '@sallyport/admission/hashes.ts';
import { callShape } from '@sallyport/policy/call-shape.ts';
import { type NormalUrl, type QueryPair, targetUrl } from '@sallyport/policy/url.ts';
import type { Pool } from 'undici';
import { destination } from '../checks/destination.ts';
import { recheckHeaders } from '../checks/rules.ts';
import type { ProxyDeps } from '../deps.ts';
import type { Plan } from '../pipeline.ts';
import { type Refusal, refusal } from '../refusal.ts';
import type { Credential } from './credentials.ts';
import { capsOf } from './entry.ts';
import { outgoingHeaders } from './headers.ts';
import type { Identity } from './identify.ts';
import { repeatRefusal } from './operations.ts';
import type { ProxyRequest } from './request.ts';
import type { Resolved } from './resolve.ts';
import type { Outgoing } from './upstream.ts';

export interface Prepared {
  call_digest: string;
  credential: Credential;
  pool: Pool;
  outgoing: Outgoing;
  override: boolean;
}

export interface Preparing {
  request: ProxyRequest;
  identity: Identity;
  plan: Plan;
  passport_token: string;
  request_id: string;
}

export type PrepareResult = { ok: true; prepared: Prepared } | { ok: false; refusal: Refusal };

const no = (refused: Refusal): PrepareResult => ({ ok: false, refusal: refused });

/** At once where the credential is kept and the address is known. */
export function prepare(deps: ProxyDeps, preparing: Preparing): PrepareResult | Promise<PrepareResult> {
  const { request, identity, plan } = preparing;
  const shape = { service: plan.service.service_name, method: request.method, url: plan.url, query: request.query, body: request.body };
  const { call_digest } = callShape(shape);

  const { known } = identity;
  const asksTables =
    request.operation_id !== null || request.approval_id !== null || capsOf(known.resolved.mission, plan.service.service_name).length > 0;
  // Before anything rests on what the log says of this mission's earlier calls, also the verdict on the record that follows.
  return asksTables && !deps.missions.judged(known)
    ? deps.missions.learn(known, preparing.request_id).then(() => withTables(deps, preparing, call_digest))
    : withTables(deps, preparing, call_digest);
}

function withTables(deps: ProxyDeps, preparing: Preparing, call_digest: string): PrepareResult | Promise<PrepareResult> {
  const { request, identity, plan } = preparing;
  const { known } = identity;
  const { connection } = plan.access;
  if (request.operation_id !== null) {
    const first = deps.feed.admission.operation(known.hashes.missions, operationHash(request.operation_id));
    // Whether one that runs has ended is settled by the log: its closing may be stored and not be read here yet.
    if (first && first.state !== 'running') return no(repeatRefusal(request.operation_id, first, digestHash(call_digest)));
  }

  const through = known.hashes.connections.get(connection.id);
  if (!through) return no(refusal('CREDENTIAL_UNAVAILABLE', 'The connection has no usable credential.'));
  const targets = [through.connection, through.grant] as const;
  const kept = deps.credentials.kept(connection.credential_ref, targets);
  if (kept) return withCredential(deps, preparing, call_digest, kept);
  const { passport_token, request_id } = preparing;
  return deps.credentials
    .open({ ref: connection.credential_ref, connection_id: connection.id, passport_token, targets, request_id })
    .then((opened) => (opened.ok ? withCredential(deps, preparing, call_digest, opened.credential) : no({ denial: opened.denial })));
}

function withCredential(
  deps: ProxyDeps,
  { request, plan }: Preparing,
  call_digest: string,
  credential: Credential,
): PrepareResult | Promise<PrepareResult> {
  const { connection } = plan.access;
  const headers = outgoingHeaders(request.headers, {
    host: hostHeader(plan.url),
    content_type: request.content_type,
    connection: {
      inject: credential.injection.inject.headers,
      drop: credential.injection.drop_headers,
      defaults: credential.injection.default_headers,
    },
  });
  if (plan.access.rules?.reads_headers !== false) {
    const failed = recheckHeaders(request, plan.access, plan.url, withoutInjected(headers, credential));
    if (failed) return no(failed);
  }

  const target = targetOf(plan.url, connection.upstream_override);
  if (!target) return no(refusal('UPSTREAM_UNREACHABLE', 'The address to send calls to cannot be read.', { stage: 'dns' }));
  const looked = deps.resolver.resolve(target.host, { allow_private_networks: connection.allow_private_networks });
  const made = { call_digest, credential, headers };
  return looked instanceof Promise
    ? looked.then((resolved) => withAddress(deps, request, plan, target, made, resolved))
    : withAddress(deps, request, plan, target, made, looked);
}

function withAddress(
  deps: ProxyDeps,
  request: ProxyRequest,
  plan: Plan,
  target: Target,
  { call_digest, credential, headers }: Pick<Prepared, 'call_digest' | 'credential'> & Pick<Outgoing, 'headers'>,
  resolved: Resolved,
): PrepareResult {
  if (!resolved.ok) {
    return resolved.problem === 'dns'
      ? no(refusal('UPSTREAM_UNREACHABLE', 'The name of the upstream does not resolve.', { stage: 'dns' }))
      : no(destination('private_address', 'The name resolves to an address that may not be called.'));
  }
  const pool = deps.pools.get(target.origin, resolved.addresses);
  const path = target.prefix + pathAndQuery(plan.url, queryOf(request, plan.url, credential.injection.inject.query));
  const outgoing: Outgoing = { path, method: methodOf(request.method), headers, body: request.payload };
  return { ok: true, prepared: { call_digest, credential, pool, outgoing, override: target.override } };
}

/** Rules judge what the caller sends: a secret must not be found out by asking whether it begins with a given text. */
function withoutInjected(headers: Readonly<Record<string, string>>, { injection }: Credential): Record<string, string> {
  const injected = new Set(Object.keys(injection.inject.headers).map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !injected.has(name)));
}

function hostHeader(url: NormalUrl): string {
  return url.origin.slice(url.scheme.length + 3);
}

interface Target {
  origin: string;
  host: string;
  prefix: string;
  override: boolean;
}

function targetOf(url: NormalUrl, override: string | null): Target | null {
  if (override === null) return { origin: url.origin, host: url.host, prefix: '', override: false };
  const known = overrides.get(override);
  if (known !== undefined) return known;
  const base = URL.parse(override);
  const usable = base !== null && (base.protocol === 'http:' || base.protocol === 'https:') && base.hostname !== '';
  const target = usable ? { origin: base.origin, host: base.hostname, prefix: base.pathname.replace(/\/+$/, ''), override: true } : null;
  if (overrides.size >= MAX_OVERRIDES) overrides.clear();
  overrides.set(override, target);
  return target;
}

const MAX_OVERRIDES = 1_000;
const overrides = new Map<string, Target | null>();

function queryOf(request: ProxyRequest, url: NormalUrl, inject: Readonly<Record<string, string>>): QueryPair[] {
  const given = [...url.query, ...request.query];
  const names = Object.keys(inject);
  if (names.length === 0) return given;
  return [...given.filter(([name]) => !names.includes(name)), ...names.map((name): QueryPair => [name, inject[name] ?? ''])];
}

function pathAndQuery(url: NormalUrl, query: readonly QueryPair[]): string {
  return targetUrl(url, query).slice(url.origin.length);
}

function methodOf(method: string): Outgoing['method'] {
  switch (method) {
    case 'POST':
    case 'PUT':
    case 'PATCH':
    case 'DELETE':
      return method;
    default:
      return 'GET';
  }
}
