/** The audit chain (api.md §16.2). Agents never. */
import { Type } from 'typebox';
import { E_READ, operation } from '../operation.ts';
import { nullable, oneOf, opt, Time } from '../schema.ts';

export const AuditRow = Type.Object({
  entry_id: Type.String(),
  timestamp: Type.Integer(),
  trace_id: nullable(Type.String()),
  span_id: nullable(Type.String()),
  parent_span_id: nullable(Type.String()),
  operator_id: Type.String(),
  agent_id: nullable(Type.String()),
  passport_jti: nullable(Type.String()),
  layer: oneOf(['vault', 'proxy', 'dropoff', 'skills', 'system']),
  action: Type.String(),
  outcome: oneOf(['success', 'failure', 'pending', 'blocked', 'unknown']),
  duration_ms: nullable(Type.Integer()),
  payload_hash: nullable(Type.String()),
  error_code: nullable(Type.String()),
  error_message: nullable(Type.String()),
  prev_entry_hash: Type.String(),
  entry_hash: Type.String(),
  row_version: Type.Integer(),
  seq: Type.Integer(),
  stream_seq: Type.Integer(),
  w3c_trace_id: nullable(Type.String()),
  recorded_at: Type.String(),
  session_id: nullable(Type.String()),
  actor: Type.Object({ type: Type.String(), id: Type.String() }),
  service: nullable(Type.String()),
  connection_id: nullable(Type.String()),
  http: nullable(Type.Record(Type.String(), Type.Unknown())),
  approval_id: nullable(Type.String()),
  attempt_entry_id: nullable(Type.String()),
  metadata: Type.Record(Type.String(), Type.Unknown()),
  leaf_hash: Type.String(),
});

const Seq = Type.Integer({ minimum: 1 });

export const listAudit = operation({
  name: 'audit.list',
  owner: 'audit',
  summary: 'Audit rows',
  who: ['R'],
  scope: 'audit:read',
  http: { method: 'GET', path: '/v1/audit', status: 200 },
  query: Type.Object({
    limit: opt(Type.Integer({ minimum: 1, maximum: 100 })),
    since: opt(Type.Integer({ minimum: 0 })),
    agent_id: opt(Type.String()),
    passport_jti: opt(Type.String()),
    after_seq: opt(Type.Integer({ minimum: 0 })),
    order: opt(oneOf(['desc', 'asc'])),
    action: opt(Type.String({ maxLength: 64 })),
    outcome: opt(oneOf(['success', 'failure', 'pending', 'blocked', 'unknown'])),
    attempts: opt(oneOf(['open', 'all', 'none'])),
  }),
  response: Type.Object({ entries: Type.Array(AuditRow), max_timestamp: nullable(Type.Integer()), max_seq: nullable(Type.Integer()) }),
  errors: E_READ,
});

export const exportAudit = operation({
  name: 'audit.export',
  owner: 'audit',
  summary: 'Audit rows, oldest first, at most 50,000 an answer; the edge records the export before it streams',
  who: ['R'],
  scope: 'audit:read',
  http: {
    method: 'GET',
    path: '/v1/audit/export',
    status: 200,
    produces: ['application/json', 'application/x-ndjson', 'text/csv'],
  },
  query: Type.Object({
    from: opt(Time),
    to: opt(Time),
    format: opt(oneOf(['json', 'ndjson', 'csv'])),
    agent_id: opt(Type.String()),
    cursor: opt(Type.String({ maxLength: 512 })),
    from_seq: opt(Seq),
    to_seq: opt(Seq),
  }),
  response: Type.Object({ entries: Type.Array(AuditRow), next_cursor: nullable(Type.String()) }),
  errors: [...E_READ, 'AUDIT_UNAVAILABLE'],
});

export const verifyChain = operation({
  name: 'audit.verify_chain',
  owner: 'audit',
  summary: 'Recompute the chain over stored rows',
  who: ['R'],
  scope: 'audit:read',
  http: { method: 'GET', path: '/v1/audit/verify-chain', status: 200 },
  query: Type.Object({ from: opt(Time), to: opt(Time), limit: opt(Seq), from_seq: opt(Seq), to_seq: opt(Seq) }),
  response: Type.Object({
    valid: Type.Boolean(),
    entries_checked: Type.Integer(),
    first_break: nullable(Type.Object({ entry_id: Type.String(), seq: Type.Integer(), reason: Type.String() })),
    head_hash: Type.String(),
    seq: Type.Integer(),
    from_seq: Type.Integer(),
  }),
  errors: E_READ,
});

export const chainHead = operation({
  name: 'audit.chain_head',
  owner: 'audit',
  summary: 'The latest row of the chain',
  who: ['R'],
  scope: 'audit:read',
  http: { method: 'GET', path: '/v1/audit/chain-head', status: 200 },
  response: Type.Object({
    entry_hash: Type.String(),
    entry_count: Type.Integer(),
    seq: Type.Integer(),
    entry_id: nullable(Type.String()),
    head_hash: Type.String(),
    timestamp: nullable(Type.Integer()),
  }),
  errors: E_READ,
});

/** What the chain holds about a mission or some of its passports, for their owner's pages. Oldest first. */
export const auditTrail = operation({
  name: 'audit.trail',
  owner: 'audit',
  summary: 'Rows of a mission or of passports, oldest first, with the extent of all of them',
  who: [],
  asked_by: ['passports'],
  body: Type.Object({
    operator_id: Type.String(),
    mission_id: opt(Type.String()),
    jtis: opt(Type.Array(Type.String(), { minItems: 1, maxItems: 2_000 })),
    after_seq: Type.Integer({ minimum: 0 }),
    limit: Type.Integer({ minimum: 1, maximum: 1_000 }),
    /** Log position that the rows must have reached. */
    min_seq: Type.Integer({ minimum: 0 }),
    /** Also recompute the chain from the first of these rows to the last. */
    verify: opt(Type.Boolean()),
  }),
  response: Type.Object({
    rows: Type.Array(Type.Object({ ...AuditRow.properties, fact_type: Type.String() })),
    entries: Type.Integer(),
    first_entry_id: nullable(Type.String()),
    last_entry_id: nullable(Type.String()),
    head_hash: nullable(Type.String()),
    /** Null: not asked for, or too long a stretch. */
    chain_valid: nullable(Type.Boolean()),
  }),
  errors: ['READ_MODEL_BEHIND'],
});
