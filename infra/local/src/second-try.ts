/**
 * A file that failed is run once more, by itself, when everything else is over (ADR 69). What passes then is unsteady: the run does not fail for it,
 * and says so. Many failed files are not many accidents: above three, none gets a second try.
 */
import type { Failure, Tally } from './test-report.ts';

const MOST_FILES = 3;

/** `again` runs one file and counts into the tally that it is given. `tally` is put right; answers what has failed for good, and what was unsteady. */
export async function secondTry(
  failures: readonly Failure[],
  tally: Tally,
  again: (path: string, tally: Tally) => Promise<void>,
): Promise<{ failed: Failure[]; unsteady: Failure[] }> {
  const paths = new Set(failures.flatMap(({ path }) => path ?? []));
  if (paths.size > MOST_FILES) return { failed: [...failures], unsteady: [] };
  const unsteady: Failure[] = [];
  for (const path of paths) {
    const second: Tally = { passed: 0, failed: 0, skipped: 0 };
    await again(path, second);
    if (second.failed === 0 && second.passed > 0) unsteady.push(...failures.filter((one) => one.path === path));
  }
  tally.failed -= unsteady.length;
  tally.passed += unsteady.length;
  return { failed: failures.filter((one) => !unsteady.includes(one)), unsteady };
}
