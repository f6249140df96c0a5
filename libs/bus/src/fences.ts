/**
 * Fences on the wire: facts that change what others may believe (architecture, "Views", "Revocation"). Owns the four headers
 * (`Sp-Fence`, `Sp-Targets`, `Sp-Reason`, `Sp-Ack`) and the acknowledgements that gateways send. Headers are read by every gateway from
 * headers-only messages, so they are final.
 */
import { randomBytes } from 'node:crypto';
import { hash12, TARGET_BYTES } from '@sallyport/contracts/target.ts';
import { isAimed } from './announce.ts';
import type { Bus } from './connect.ts';

export const FENCE_HEADER = 'Sp-Fence';
export const TARGETS_HEADER = 'Sp-Targets';
export const REASON_HEADER = 'Sp-Reason';
export const ACK_HEADER = 'Sp-Ack';

export const FENCE_EFFECTS = ['revoked', 'ended', 'narrowed'] as const;
export type FenceEffect = (typeof FENCE_EFFECTS)[number];

export interface FenceHeaders {
  effect: FenceEffect;
  kind: string;
  id: string;
  /** First 12 bytes of SHA-256 of `<kind>:<id>`, each. */
  targets: Uint8Array[];
  /** What a caller is told who is refused by this fence; without it only the owner knows. */
  reason?: string;
  /** Core subject on which gateways answer with the position that they have read. */
  ack?: string;
}

/** At most this many targets fit beside the rest of a message's headers (the server refuses more than 64 KB). */
const MAX_TARGETS = 3_000;

/** Longer reasons are left to the owner. */
const MAX_REASON_BYTES = 1_000;

export function fenceHeaders(
  effect: FenceEffect,
  kind: string,
  id: string,
  targets: string[],
  { reason, ack }: { reason?: string | undefined; ack?: string | undefined } = {},
): Record<string, string> {
  if (targets.length === 0 || targets.length > MAX_TARGETS) throw new RangeError(`a fence has 1 to ${MAX_TARGETS} targets`);
  const hashes = targets.map((target) => Buffer.from(hash12(target)).toString('base64url'));
  const told = reason === undefined ? null : Buffer.from(reason);
  return {
    [FENCE_HEADER]: `${effect} ${kind} ${id}`,
    [TARGETS_HEADER]: hashes.join(','),
    // Anybody's words: encoded, so that they can begin no header of their own.
    ...(told && told.length <= MAX_REASON_BYTES && { [REASON_HEADER]: told.toString('base64url') }),
    ...(ack !== undefined && { [ACK_HEADER]: ack }),
  };
}

const ACK_SUBJECT = /^ack\.[A-Za-z0-9_-]{22}$/;

/**
 * The fence that a message carries, or null for any other message. An effect that is not known here, of a later version, is at least a narrowing: what is
 * believed about its targets is asked again.
 */
export function fenceOf(entry: { header(name: string): string | undefined }): FenceHeaders | null {
  const [effectText, kind, id] = entry.header(FENCE_HEADER)?.split(' ') ?? [];
  if (!effectText || !kind || !id) return null;
  const effect = FENCE_EFFECTS.find((known) => known === effectText) ?? 'narrowed';
  const targets = (entry.header(TARGETS_HEADER) ?? '')
    .split(',')
    .map((text) => new Uint8Array(Buffer.from(text, 'base64url')))
    .filter((hash) => hash.length === TARGET_BYTES);
  const reason = entry.header(REASON_HEADER);
  const ack = entry.header(ACK_HEADER);
  return {
    effect,
    kind,
    id,
    targets,
    ...(reason !== undefined && { reason: Buffer.from(reason, 'base64url').toString() }),
    ...(ack !== undefined && ACK_SUBJECT.test(ack) && { ack }),
  };
}

/** Says that this gateway has applied the log up to `position`; a fence without inbox is not answered. */
export function acknowledgeFence(bus: Bus, fence: FenceHeaders, boot: string, position: number): void {
  if (fence.ack) bus.nc.publish(fence.ack, JSON.stringify({ boot, position }));
}

export interface FenceAcks {
  subject: string;
  /**
   * Waits until every boot has answered with a position at or past `seq`, at most `timeoutMs`. Whoever speaks on the inbox is
   * a gateway (permissions); an answer only ever tells how far that gateway says it has read.
   */
  collect(boots: string[], seq: number, timeoutMs: number): Promise<{ acked: string[]; missing: string[] }>;
  stop(): void;
}

const INBOX_LIFE_MS = 15_000;

/** Opens an inbox for acknowledgements, before the fence is published. It closes by itself. */
export function openFenceAcks(bus: Bus): FenceAcks {
  const subject = `ack.${randomBytes(16).toString('base64url')}`;
  const positions = new Map<string, number>();
  let changed: () => void = () => undefined;
  const subscription = bus.nc.subscribe(subject, {
    callback: (error, message) => {
      if (error || isAimed(message)) return;
      const answer = parseAck(message.data);
      if (!answer) return;
      positions.set(answer.boot, Math.max(answer.position, positions.get(answer.boot) ?? 0));
      changed();
    },
  });
  const life = setTimeout(() => subscription.unsubscribe(), INBOX_LIFE_MS);
  life.unref();
  const stop = (): void => {
    clearTimeout(life);
    subscription.unsubscribe();
  };
  return {
    subject,
    stop,
    collect: async (boots, seq, timeoutMs) => {
      const split = (): { acked: string[]; missing: string[] } => ({
        acked: boots.filter((boot) => (positions.get(boot) ?? 0) >= seq),
        missing: boots.filter((boot) => (positions.get(boot) ?? 0) < seq),
      });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        changed = () => {
          if (split().missing.length > 0) return;
          clearTimeout(timer);
          resolve();
        };
        changed();
      });
      stop();
      return split();
    },
  };
}

function parseAck(data: Uint8Array): { boot: string; position: number } | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    if (typeof value !== 'object' || value === null || !('boot' in value) || !('position' in value)) return null;
    return typeof value.boot === 'string' && typeof value.position === 'number' ? { boot: value.boot, position: value.position } : null;
  } catch {
    return null;
  }
}
