/**
 * Targets: what a revocation, an ending or a narrowing can name (architecture, "The log decides", "Views").
 * A target is the text `<kind>:<id>`; in entries and fences it travels as the first 12 bytes of its SHA-256.
 */
import { hash } from 'node:crypto';

export const TARGET_KINDS = [
  'operator',
  'key',
  'member',
  'agent',
  'session',
  'jti',
  'line',
  'mission',
  'connection',
  'grant',
  'keyset',
] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];
export type Target = `${TargetKind}:${string}`;

export const TARGET_BYTES = 12;

export function target(kind: TargetKind, id: string): Target {
  return `${kind}:${id}`;
}

/** A grant is one agent's access to one connection. */
export function grantTarget(agentId: string, connectionId: string): Target {
  return target('grant', `${agentId}/${connectionId}`);
}

/** First 12 bytes of SHA-256 of the text; also used for operation ids, approvals and JWT ids in entries. */
export function hash12(text: string): Uint8Array {
  return hash('sha256', text, 'buffer').subarray(0, TARGET_BYTES);
}
