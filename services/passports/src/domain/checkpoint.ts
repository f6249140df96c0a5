/** Checkpoints (api.md §6; detectors.md 2.1, 5.2, 5.3): an agent's report that moves the expiry of an enforced passport. Pure. */
import { denial, type Denial } from '@sallyport/contracts/errors.ts';
import type { Issued, PassportState } from './passport.ts';

const MIN_GAP_MS = 5_000;
export const MAX_SUMMARY = 1_000;

export interface Report {
  services_used: string[];
  actions_count: number;
  tool_calls: Record<string, number>;
  delegated_to: string[];
  summary: string;
}

export interface CheckpointDecision {
  number: number;
  /** Null where a checkpoint moves nothing. */
  expires_at_ms: number | null;
  outside: string[];
  flags: string[];
  revokes: boolean;
}

/** Of a live passport. `standard`: the operator's `standard_checkpoints`. `receivedMs`: the ledger's clock when the request arrived; what counts is that, not when it is stored. */
export function decideCheckpoint(
  passport: PassportState & { issued: Issued },
  report: Pick<Report, 'services_used'>,
  receivedMs: number,
  standard: 'refuse' | 'accept',
): { ok: true; checkpoint: CheckpointDecision } | { ok: false; denial: Denial } {
  const { issued, last_checkpoint_at_ms, checkpoints } = passport;
  if (issued.mode === 'standard' && standard === 'refuse') {
    return { ok: false, denial: denial('CHECKPOINT_NOT_AVAILABLE', 'A passport in standard mode has no checkpoints.') };
  }
  if (last_checkpoint_at_ms !== null && receivedMs - last_checkpoint_at_ms < MIN_GAP_MS) {
    const retry = Math.max(1, Math.ceil((last_checkpoint_at_ms + MIN_GAP_MS - receivedMs) / 1000));
    return { ok: false, denial: { ...denial('RATE_LIMITED', 'At most one checkpoint per 5 seconds.'), retry_after: retry } };
  }
  // Standard ones are kept for the record, without judging them (api.md §4).
  const outside = issued.mode === 'standard' ? [] : outsideServices(issued, report.services_used);
  const revokes = outside.length > 0 && issued.mode === 'enforced';
  const moved = Math.max(passport.expires_at_ms, Math.min(receivedMs + issued.checkpoint_interval * 1000, issued.deadline_ms));
  return {
    ok: true,
    checkpoint: {
      number: checkpoints + 1,
      expires_at_ms: issued.mode === 'enforced' && !revokes ? moved : null,
      outside,
      flags: outside.length > 0 ? ['credential_outside_scope'] : [],
      revokes,
    },
  };
}

/** Reported services that are neither declared nor granted. Connection ids count as their provider. */
function outsideServices(issued: Issued, used: string[]): string[] {
  const known = new Set([
    ...issued.intent_services,
    ...issued.services.flatMap(({ connection_id, service_name }) => [connection_id, service_name]),
  ]);
  return [...new Set(used)].filter((name) => !known.has(name));
}

export function cutSummary(summary: string | null | undefined): string {
  return [...(summary ?? '')].slice(0, MAX_SUMMARY).join('');
}
