/**
 * The audit row of a fact. Pure: only the fact and the place of its message enter, so that a rebuild gives the same bytes.
 * Facts hold no secrets, bodies or query strings; what is kept of their data is listed in `actions.ts`.
 */
import { recordedAt } from '@sallyport/audit-chain/recorded-at.ts';
import type { HttpFacts, Json, Outcome, RowDraft } from '@sallyport/audit-chain/row.ts';
import { type Fact } from '@sallyport/contracts/fact.ts';
import { factTypes } from '@sallyport/contracts/facts.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';
import { ACTIONS, type ActionOf } from './actions.ts';

export interface Place {
  stream_seq: number;
  ts_ns: bigint;
}

const known = new Set(factTypes().map(({ type, v }) => `${type}@${v}`));

/** null: this fact makes no row. Throws for one that only a later version knows: whether it makes a row is not known either. */
export function draftOf(fact: Fact, place: Place): RowDraft | null {
  if (!known.has(`${fact.type}@${fact.v}`)) throw new Error(`this version does not know ${fact.type} in version ${fact.v}`);
  const of = ACTIONS[fact.type];
  if (!of) return null;
  const { data } = fact;
  const trace = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(fact.traceparent ?? '');
  const attempt = text(data['attempt_id']);
  return {
    entry_id: auditIdOf(fact.id),
    trace_id: fact.request_id ?? null,
    span_id: trace?.[2] ?? null,
    parent_span_id: null,
    operator_id: fact.operator_id,
    agent_id: fact.agent_id ?? null,
    passport_jti: fact.jti ?? null,
    layer: of.layer,
    action: typeof of.action === 'string' ? of.action : of.action(data),
    outcome: of.outcome ?? outcomeOf(data['outcome']),
    duration_ms: whole(data['dur_ms']),
    payload_hash: text(data['call_digest']) ?? text(data['output_sha256']),
    error_code: text(data['error_code']) ?? text(data['code'], fact.type === 'call.denied'),
    error_message: text(data['message'], fact.type === 'call.denied'),
    stream_seq: place.stream_seq,
    w3c_trace_id: trace?.[1] ?? null,
    recorded_at: recordedAt(place.ts_ns),
    session_id: fact.session_id ?? null,
    actor: { type: fact.actor.type, id: fact.actor.id },
    service: text(data['service']) ?? connectionOf(data)?.provider ?? text(data['provider']),
    connection_id: text(data['connection_id']) ?? connectionOf(data)?.id ?? grantOf(data),
    http: httpOf(data),
    approval_id: text(data['approval_id']),
    attempt_entry_id: attempt === null ? null : auditIdOf(attempt),
    metadata: metadataOf(of, fact),
  };
}

function metadataOf(of: ActionOf, fact: Fact): { [key: string]: Json } {
  const kept: { [key: string]: Json } = {};
  for (const key of of.keep) {
    const value = fact.data[key];
    if (value !== undefined) kept[key] = json(value);
  }
  if (fact.mission_id !== undefined) kept['mission_id'] = fact.mission_id;
  if (fact.causation_id !== undefined) kept['causation_id'] = fact.causation_id;
  // Whole objects are reduced to what an auditor asks for.
  const { agent, changes, grant } = fact.data;
  if (isObject(agent)) {
    kept['name'] = json(agent['name']);
    kept['accountability_mode'] = json(agent['accountability_mode']);
  }
  if (isObject(changes)) kept['changed'] = Object.keys(changes).map(told).sort();
  if (isObject(grant)) {
    kept['scopes'] = json(grant['scopes']);
    kept['version'] = json(grant['version']);
    kept['constraints'] = json(grant['constraints']);
    kept['approval'] = json(grant['approval']);
  }
  return kept;
}

function httpOf(data: Fact['data']): HttpFacts | null {
  const [method, host, path] = [text(data['method']), text(data['host']), text(data['path'])];
  if (method === null || host === null || path === null) return null;
  return { method, host, path, status: whole(data['status']), ...(data['override'] === true && { override: true as const }) };
}

function connectionOf(data: Fact['data']): { id: string; provider: string } | null {
  const connection = data['connection'];
  if (!isObject(connection)) return null;
  const [id, provider] = [text(connection['id']), text(connection['provider'])];
  return id === null || provider === null ? null : { id, provider };
}

function grantOf(data: Fact['data']): string | null {
  return isObject(data['grant']) ? text(data['grant']['connection_id']) : null;
}

function outcomeOf(value: unknown): Outcome {
  return value === 'failure' || value === 'unknown' ? value : 'success';
}

function text(value: unknown, when = true): string | null {
  return when && typeof value === 'string' ? told(value) : null;
}

/** Rows hold text that every reader takes: what has no UTF-8, or no place in PostgreSQL, is U+FFFD, and the chain goes on. */
function told(value: string): string {
  return value.toWellFormed().replaceAll('\0', '\uFFFD');
}

function whole(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Facts come from JSON, so their values are JSON; absent ones become null. */
function json(value: unknown): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return told(value);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(json);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, one]) => [told(key), json(one)])) : null;
}
