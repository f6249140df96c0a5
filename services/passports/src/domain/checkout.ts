/** Checkout (api.md §6, §13): the end of a passport, and the bucket that its signals put it into. Pure. */
import type { Agent, Mode } from '@sallyport/contracts/objects/agent.ts';
import type { Flag } from '@sallyport/contracts/objects/passport.ts';

export interface Bucket {
  review_status: 'clean' | 'flagged' | 'blocked';
  reviewed: boolean;
  /** A critical finding. */
  critical: boolean;
}

export const REVIEW_PENDING: Flag = { type: 'review_pending', severity: 'warning', message: 'The review has not finished in time' };

/** The worst severity meets the agent's setting; info does not count. Standard runs are not reviewed. */
export function bucketOf(flags: readonly Flag[], mode: Mode, agent: Pick<Agent, 'on_warning' | 'on_critical'>): Bucket {
  if (mode === 'standard') return { review_status: 'clean', reviewed: false, critical: false };
  const pending = flags.some(({ type }) => type === REVIEW_PENDING.type);
  const found = flags.filter(({ type }) => type !== REVIEW_PENDING.type);
  const critical = found.some(({ severity }) => severity === 'critical');
  const warning = found.some(({ severity }) => severity === 'warning');
  const setting = critical ? agent.on_critical : agent.on_warning;
  const reviewed = !pending;
  if (critical || warning) return { review_status: setting === 'block' ? 'blocked' : 'flagged', reviewed, critical };
  return { review_status: pending ? 'flagged' : 'clean', reviewed, critical };
}

const FAILED = 'Mission failed:';

/** The client says in the summary that a run failed. */
export function outcomeOf(given: string | null | undefined, summary: string): string {
  return given ?? (summary.startsWith(FAILED) ? 'failed' : 'success');
}
