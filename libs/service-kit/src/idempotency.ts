/** What `Idempotency-Key` binds (api.md §1.5): principal, method, path, and the body by its meaning. Deciding on it is the ledger's. */
import { createHash } from 'node:crypto';
import type { Idempotency } from '@sallyport/bus/idempotency.ts';
import type { BusCall } from '@sallyport/contracts/call.ts';
import type { Actor } from '@sallyport/contracts/fact.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';

/** With the owner's own key; a stored answer may hold secrets that are shown once. */
export interface Sealing {
  seal(plain: string): Promise<string>;
  open(sealed: string): Promise<string>;
}

export function idempotencyOf(
  operation: Operation,
  { idempotency_key: key, params, body }: Pick<BusCall, 'idempotency_key' | 'params' | 'body'>,
  actor: Actor,
  { seal, open }: Sealing,
): Idempotency | undefined {
  if (!operation.creates || key === undefined || !operation.http) return undefined;
  const path = operation.http.path.replace(/:([A-Za-z_]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  return {
    key,
    principal: `${actor.type}:${actor.id}`,
    method_path: `${operation.http.method} ${path}`,
    body_sha256: createHash('sha256')
      .update(canonical(body ?? {}))
      .digest('hex'),
    seal,
    open,
  };
}

/** JSON with sorted keys: a repeat may come through another client, which orders members differently. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}
