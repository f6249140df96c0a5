/**
 * What vault asks of `passports`: public keys, the state of a passport, an operator's settings, what an agent reaches, the end of those who hold a
 * connection. A question without an answer is an exception, never an "allowed".
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import type { BusAnswer, BusCall } from '@sallyport/contracts/call.ts';
import type { Denial } from '@sallyport/contracts/errors.ts';
import { type OperatorView, OperatorView as OperatorViewSchema, ResolvedPassport } from '@sallyport/contracts/objects/views.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { agentPermissions } from '@sallyport/contracts/operations/agents.ts';
import { operatorResolve } from '@sallyport/contracts/operations/operator.ts';
import { jwks, passportResolve } from '@sallyport/contracts/operations/passports.ts';
import { connectionHolders } from '@sallyport/contracts/operations/services.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import type { Ed25519Jwk } from '@sallyport/passport-verify/keys.ts';

export interface Passports {
  /** By `kid`, as they are now: a removed key opens no secret. Throws without an answer. */
  keys(call: BusCall): Promise<ReadonlyMap<string, Ed25519Jwk>>;
  resolve(operatorId: string, jti: string, minSeq: number, call: BusCall): Promise<ResolvedPassport | null>;
  operator(operatorId: string, call: BusCall): Promise<OperatorView>;
  /** Ids of the connections that the calling agent reaches, asked with its own bearer. */
  reachOf(agentId: string, call: BusCall): Promise<{ ok: true; ids: Set<string> } | { ok: false; denial: Denial }>;
  /** How many passports were revoked. */
  revokeHolders(operatorId: string, connectionId: string, call: BusCall): Promise<number>;
}

const TIMEOUT_MS = 2_000;

export function createPassports(bus: Bus): Passports {
  async function question(operation: Operation, body: unknown, { request_id, traceparent }: BusCall): Promise<unknown> {
    const trace = traceparent === undefined ? {} : { traceparent };
    const answer = await ask(
      bus,
      operation,
      { operation: operation.name, bearer: { kind: 'none' }, params: {}, query: {}, body, request_id, ...trace },
      { timeout_ms: TIMEOUT_MS },
    );
    return bodyOf(operation, answer);
  }

  return {
    keys: async (call) => {
      const body = await question(jwks, undefined, call);
      if (!matches(jwks.response, body)) throw new Error('passports.jwks: unreadable');
      const own = body.keys.filter(({ kty, crv }) => kty === 'OKP' && crv === 'Ed25519');
      return new Map(own.map(({ kid, x }) => [kid, { kty: 'OKP', crv: 'Ed25519', x }]));
    },
    resolve: async (operatorId, jti, minSeq, call) => {
      const body = await question(passportResolve, { operator_id: operatorId, jti, min_seq: minSeq }, call);
      return matches(ResolvedPassport, body) ? body : null;
    },
    operator: async (operatorId, call) => {
      const body = await question(operatorResolve, { operator_id: operatorId, min_seq: 0 }, call);
      if (!matches(OperatorViewSchema, body)) throw new Error('operator.resolve: no such operator');
      return body;
    },
    reachOf: async (agentId, { bearer, request_id, traceparent, min_event_seq }) => {
      const trace = { ...(traceparent !== undefined && { traceparent }), ...(min_event_seq !== undefined && { min_event_seq }) };
      const call: BusCall = {
        operation: agentPermissions.name,
        bearer,
        params: { id: agentId },
        query: {},
        body: undefined,
        request_id,
        ...trace,
      };
      const answer = await ask(bus, agentPermissions, call, { timeout_ms: TIMEOUT_MS });
      if (!answer.ok) return answer;
      const body = answer.reply.body;
      if (!matches(agentPermissions.response, body)) throw new Error('agents.permissions: unreadable');
      return { ok: true, ids: new Set([...body.grants, ...body.implicit].map(({ connection_id }) => connection_id)) };
    },
    revokeHolders: async (operatorId, connectionId, call) => {
      const body = await question(connectionHolders, { operator_id: operatorId, connection_id: connectionId }, call);
      return matches(connectionHolders.response, body) ? body.revoked_count : 0;
    },
  };
}

function bodyOf(operation: Operation, answer: BusAnswer): unknown {
  if (!answer.ok) throw new Error(`${operation.name} was refused: ${answer.denial.code}`);
  return answer.reply.body;
}
