/**
 * Asking `passports` who a key or an agent is, for services that are not its owner. A positive answer is kept for a second at most, and only while it is as
 * recent as the caller wants; a negative one never. Outages are exceptions: a question without an answer is no "unknown".
 */
import { createHash } from 'node:crypto';
import type { Bus } from '@sallyport/bus/connect.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import type { BusCall } from '@sallyport/contracts/call.ts';
import { AgentView, PrincipalView, RefusedCredential } from '@sallyport/contracts/objects/views.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { agentResolve } from '@sallyport/contracts/operations/agents.ts';
import { principalResolve } from '@sallyport/contracts/operations/operator.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import { type Static, type TSchema, Type } from 'typebox';
import type { AuthenticatorDeps } from './authenticate.ts';

const KEPT_MS = 1_000;
const MAX_KEPT = 10_000;
const TIMEOUT_MS = 2_000;

export type Resolvers = Pick<AuthenticatorDeps, 'resolvePrincipal' | 'resolveToken' | 'resolveAgent'>;

/** `kept_ms` at most 1,000; 0 asks each time. */
export function createResolvers(bus: Bus, { kept_ms = KEPT_MS }: { kept_ms?: number } = {}): Resolvers {
  const principals = question(bus, principalResolve, PrincipalView, kept_ms);
  // A session that has ended ends at once: nothing is kept of it.
  const tokens = question(bus, principalResolve, Type.Union([PrincipalView, RefusedCredential]), 0);
  const agents = question(bus, agentResolve, AgentView, kept_ms);
  return {
    resolvePrincipal: (sha256, call) => principals(sha256, { sha256 }, call),
    resolveToken: (token, call) => tokens(createHash('sha256').update(token).digest('hex'), { token }, call),
    resolveAgent: (agentId, call) => agents(agentId, { agent_id: agentId }, call),
  };
}

type Question<T> = (key: string, body: object, call: BusCall) => Promise<T | null>;

function question<S extends TSchema>(bus: Bus, operation: Operation, view: S, keptMs: number): Question<Static<S>> {
  const kept = new Map<string, { value: Static<S>; position: number; at: number }>();
  return async (key, body, call) => {
    const min_seq = call.min_event_seq ?? 0;
    const known = kept.get(key);
    const askedAt = performance.now();
    if (known && askedAt - known.at < keptMs && known.position >= min_seq) return known.value;
    // The owner reads at the log's leader; what a caller says it has seen is no position to hold it to.
    const value = await answerTo(bus, operation, { ...body, min_seq: 0 }, call);
    kept.delete(key);
    if (!matches(view, value)) return null;
    // The age of an answer counts from the question: what changed since is not in it.
    if (keptMs > 0) kept.set(key, { value, position: positionOf(value), at: askedAt });
    for (const oldest of kept.size > MAX_KEPT ? kept.keys().take(1) : []) kept.delete(oldest);
    return value;
  };
}

function positionOf(value: unknown): number {
  return typeof value === 'object' && value !== null && 'position' in value && typeof value.position === 'number' ? value.position : 0;
}

async function answerTo(bus: Bus, operation: Operation, body: object, { request_id, traceparent }: BusCall): Promise<unknown> {
  const call: BusCall = {
    operation: operation.name,
    bearer: { kind: 'none' },
    params: {},
    query: {},
    body,
    request_id,
    ...(traceparent !== undefined && { traceparent }),
  };
  const answer = await ask(bus, operation, call, { timeout_ms: TIMEOUT_MS });
  if (!answer.ok) throw new Error(`${operation.name} was refused: ${answer.denial.code}`);
  return answer.reply.body;
}
