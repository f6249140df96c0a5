/**
 * The way into an operation, the same for every owner: authenticate, letters, shape, then the service's own function. Guarantees that a function sees only
 * calls that passed all of these, typed by the contract. Does not catch outages and defects: `serve` of the bus turns those into answers.
 */
import type { Handler as BusHandler } from '@sallyport/bus/rpc.ts';
import type { Scope } from '@sallyport/bus/ledger.ts';
import { type BusAnswer, type BusCall, refuse } from '@sallyport/contracts/call.ts';
import { type Denial, denial, type FieldProblem, invalid, statusOf } from '@sallyport/contracts/errors.ts';
import type { Actor } from '@sallyport/contracts/fact.ts';
import { type BodyOf, type Operation, operations, type QueryOf } from '@sallyport/contracts/operation.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { check, coerceQuery } from '@sallyport/contracts/validate.ts';
import type { Static, TSchema } from 'typebox';
import type { Authenticate } from './authenticate.ts';
import { idempotencyOf, type Sealing } from './idempotency.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { permit } from './permit.ts';
import type { SecretFields } from './secret-fields.ts';
import { type Reading, readSeen } from './seen.ts';

export type ParamsOf<O extends Operation> = O['params'] extends TSchema ? Static<O['params']> : Record<string, never>;

/** null for public operations and those that only services ask. */
export type PrincipalOf<O extends Operation> = O['who'] extends readonly [] | readonly ['-'] ? null : Principal;

export interface Context<O extends Operation> {
  call: BusCall;
  operation: O;
  principal: PrincipalOf<O>;
  params: ParamsOf<O>;
  query: QueryOf<O>;
  /** `{}` when the call brought none. `null` members are as sent: absent, but in a PATCH. */
  body: BodyOf<O>;
  /** For `ledger.decide`, of the caller's operator; null without a principal. */
  scope: PrincipalOf<O> extends null ? null : Scope;
  /** The same for another operator or actor: public operations, questions of services. */
  scopeFor(operatorId: string, actor: Actor): Scope;
  /** Of the caller's deadline. */
  remaining_ms(): number;
}

export type OperationHandler<O extends Operation> = (context: Context<O>) => Promise<BusAnswer>;

export interface HandlerDeps {
  /** As in the contract; only its operations can be handled. */
  service: string;
  authenticate: Authenticate;
  log: Log;
  metrics: Metrics;
  /** Needed for operations that create. */
  sealing?: Sealing;
  /** Needed for operations with secret fields. */
  secrets?: SecretFields;
  /** Needed for reads that wait for what the caller has seen (api.md §1.7). */
  reading?: Reading;
}

export interface Handlers {
  on<O extends Operation>(operation: O, handle: OperationHandler<O>): Handlers;
  /** What `serve` of the bus takes. */
  all(): Record<string, BusHandler>;
  /** Names of operations that the contract gives to this service and nobody handles. */
  missing(): string[];
}

export function handlers(deps: HandlerDeps): Handlers {
  const made: Record<string, BusHandler> = {};
  const told = outcomes(deps);
  const self: Handlers = {
    on: (operation, handle) => {
      if (operation.owner !== deps.service) throw new Error(`${operation.name} belongs to ${operation.owner}`);
      if (made[operation.name]) throw new Error(`${operation.name} is handled twice`);
      if (operation.creates && !deps.sealing) throw new Error(`${operation.name} creates and needs a sealing key`);
      const secret = operation.secret_in ?? operation.secret_out;
      if (secret && !deps.secrets) throw new Error(`${operation.name} has secret fields and needs their key`);
      made[operation.name] = (call, { remaining_ms }) =>
        told(operation, call, async (seen) => {
          const answer = await run(deps, operation, handle, call, remaining_ms, seen);
          return secret && deps.secrets ? deps.secrets.seal(operation, call, answer) : answer;
        });
      return self;
    },
    all: () => ({ ...made }),
    missing: () =>
      operations()
        .filter(({ owner, name }) => owner === deps.service && !made[name])
        .map(({ name }) => name),
  };
  return self;
}

/** Told to the log about who called. */
interface Seen {
  principal?: Principal;
}

async function run<O extends Operation>(
  { authenticate, sealing, secrets, reading }: HandlerDeps,
  operation: O,
  handle: OperationHandler<O>,
  call: BusCall,
  remaining_ms: () => number,
  seen: Seen,
): Promise<BusAnswer> {
  const who = await principalOf(authenticate, operation, call);
  if (who && 'denial' in who) return refuse(who.denial);
  const principal = who?.principal ?? null;
  if (principal) seen.principal = principal;
  const forbidden = principal && permit(principal, operation);
  if (forbidden) return refuse(forbidden);

  const params = call.params ?? {};
  const query = operation.query ? coerceQuery(operation.query, call.query ?? {}) : {};
  const opened = operation.secret_in && secrets ? await secrets.open(operation, call.body) : { body: call.body };
  if ('denial' in opened) return refuse(opened.denial);
  const body = operation.body ? (opened.body ?? {}) : undefined;
  const problem = shapeProblem(operation, { params, query, body }, call);
  if (problem) return refuse(problem);

  const scopeFor = (operator_id: string, actor: Actor): Scope => {
    const idempotency = sealing ? idempotencyOf(operation, { ...call, params, body }, actor, sealing) : undefined;
    const { request_id, traceparent } = call;
    return { operator_id, actor, request_id, ...(traceparent !== undefined && { traceparent }), ...(idempotency && { idempotency }) };
  };
  const scope = principal && scopeFor(principal.operator_id, { type: principal.type, id: principal.id });
  // Each part was checked against the operation's schema, or is null exactly where the type says so: the parse boundary of a call.
  const context = { call, operation, principal, params, query, body, scope, scopeFor, remaining_ms } as unknown as Context<O>;
  return reading ? readSeen(reading, operation, call, () => handle(context)) : handle(context);
}

async function principalOf(
  authenticate: Authenticate,
  operation: Operation,
  call: BusCall,
): Promise<{ principal: Principal } | { denial: Denial } | null> {
  // Nobody's letter, or everybody's: who reaches the subject of an operation for services is settled by the bus permissions.
  if (operation.who.length === 0 || operation.who.includes('-')) return null;
  return authenticate(call, operation);
}

function shapeProblem(operation: Operation, parts: { params: unknown; query: unknown; body: unknown }, call: BusCall): Denial | null {
  const fields: FieldProblem[] = [];
  if (operation.params) fields.push(...check(operation.params, parts.params));
  if (operation.query) fields.push(...check(operation.query, parts.query));
  if (operation.body) fields.push(...check(operation.body, parts.body));
  if (operation.creates && call.idempotency_key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(call.idempotency_key)) {
    fields.push({ path: 'Idempotency-Key', rule: 'pattern' });
  }
  return fields.length > 0 ? invalid(fields) : null;
}

type Told = (operation: Operation, call: BusCall, work: (seen: Seen) => Promise<BusAnswer>) => Promise<BusAnswer>;

/** One line and one count per call, whatever its end. */
function outcomes({ log, metrics }: HandlerDeps): Told {
  const count = metrics.counter('operations_total', 'Operations answered', ['operation', 'outcome']);
  const duration = metrics.histogram('operation_seconds', 'Time to answer an operation', ['operation']);
  return async (operation, call, work) => {
    const startedAt = performance.now();
    const seen: Seen = {};
    let answer: BusAnswer = refuse(denial('INTERNAL_ERROR', ''));
    try {
      answer = await work(seen);
      return answer;
    } finally {
      const elapsed = performance.now() - startedAt;
      const outcome = answer.ok ? 'success' : answer.denial.code;
      count({ operation: operation.name, outcome });
      duration({ operation: operation.name }, elapsed / 1000);
      const { principal } = seen;
      log[operation.http ? 'info' : 'debug'](
        {
          operation: operation.name,
          outcome,
          status: answer.ok ? answer.reply.status : statusOf(answer.denial),
          ...(!answer.ok && { reason: reasonOf(answer.denial) }),
          request_id: call.request_id,
          ...(principal && { operator_id: principal.operator_id, principal: `${principal.type}:${principal.id}` }),
          duration_ms: Math.round(elapsed * 10) / 10,
        },
        'operation',
      );
    }
  };
}

function reasonOf({ metadata }: Denial): string {
  const reason = metadata?.['reason'];
  return typeof reason === 'string' ? reason : '';
}
