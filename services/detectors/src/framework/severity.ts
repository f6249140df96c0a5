/** From a detector's base severity to what it means in the passport's mode, and what follows by itself (detectors.md §1.5, §1.6). Pure. */
import type { Mode } from '@sallyport/contracts/objects/agent.ts';
import type { EffectKind, MasterRow, Severity } from './detector.ts';

/** Null: this code is not raised in this mode. */
export function severityIn(mode: Mode, code: string, base: Severity, master: MasterRow): Severity | null {
  if (master.silent[code]?.includes(mode)) return null;
  if (mode === 'logged' && base === 'critical' && !master.identity_codes.includes(code)) return 'warning';
  return base;
}

/** `revokes_on_warning`: the operator's setting for this detector; none by default but for `scope_drift`. */
export function effectOf(mode: Mode, severity: Severity, master: MasterRow, revokesOnWarning = false): EffectKind {
  if (mode !== 'enforced') return 'none';
  return severity === 'critical' || (severity === 'warning' && revokesOnWarning) ? master.effect : 'none';
}

/** The reason text of a revocation. */
export function effectReason(detector: string, code: string): string {
  return `${detector}_fire: ${code}`;
}
