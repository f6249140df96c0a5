/**
 * What people see of a test run: one line per file, and for each failure its name, place, error and what its
 * file printed. With `ci`, a skipped test is a failure unless its reason says that it is not possible here.
 */
import { relative } from 'node:path';
import type { run } from 'node:test';
import { inspect } from 'node:util';

export type Tally = { passed: number; failed: number; skipped: number };
/** One failed test in one line. `path`: of its file; null when no file is to blame. */
export type Failure = { path: string | null; what: string };
/** `failed` is told each failure once more. */
export type ReportOptions = { root: string; ci: boolean; print?: (line: string) => void; failed?: (failure: Failure) => void };

/** How a skip reason begins that also CI accepts; `@sallyport/testing/requires.ts` writes it. */
export const IMPOSSIBLE = 'not possible here';

/** `begun` and `open` count tests and suites that were announced, and those of them without an outcome. */
type File = Tally & { output: string; failures: string[]; names: string[]; begun: number; open: number };

const OUTPUT_KEPT = 20_000;
/** Of one error: two large values that differ would push every other failure out of sight. */
const ERROR_KEPT = 6_000;

function clip(text: string): string {
  if (text.length <= ERROR_KEPT) return text;
  const half = ERROR_KEPT / 2;
  return `${text.slice(0, half)}\n… ${text.length - ERROR_KEPT} characters …\n${text.slice(-half)}`;
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error);
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.stack && !cause.stack.includes(cause.message) ? `${cause.message}\n${cause.stack}` : inspect(cause, { depth: 6 });
}

/** A parent that failed only because a test inside it did: that one is reported. */
function isConsequence(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'failureType' in error && error.failureType === 'subtestsFailed';
}

function indent(text: string, by: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `${by}${line}`)
    .join('\n');
}

export async function report(stream: ReturnType<typeof run>, tally: Tally, options: ReportOptions): Promise<void> {
  const print = options.print ?? ((line: string) => console.log(line));
  const files = new Map<string, File>();
  const of = (path: string | undefined): File => {
    const name = path ?? '(unknown file)';
    const known = files.get(name) ?? { passed: 0, failed: 0, skipped: 0, output: '', failures: [], names: [], begun: 0, open: 0 };
    files.set(name, known);
    return known;
  };
  const failed = (file: File, name: string, place: string, why: string): void => {
    file.failed++;
    file.failures.push(`  ✖ ${name}${place}\n${indent(clip(why), '      ')}`);
    file.names.push(`${name}${place}`);
  };

  const finish = (path: string, ms: number): void => {
    const file = files.get(path);
    if (!file) return;
    files.delete(path);
    // A file whose process ends early, with code 0, is reported as passed by the runner.
    if (file.failed === 0 && file.open > 0) failed(file, `${file.open} tests never ended`, '', 'the process of the file ended before them');
    else if (file.failed === 0 && file.begun === 0) failed(file, 'no test', '', 'the file ran no test');
    tally.passed += file.passed;
    tally.failed += file.failed;
    tally.skipped += file.skipped;
    const counts = [
      `${file.passed} passed`,
      ...(file.failed ? [`${file.failed} failed`] : []),
      ...(file.skipped ? [`${file.skipped} skipped`] : []),
    ];
    print(`${file.failed ? '✖' : '✔'} ${relative(options.root, path)} (${counts.join(', ')}; ${(ms / 1000).toFixed(1)} s)`);
    for (const failure of file.failures) print(failure);
    for (const name of file.names) options.failed?.({ path, what: `${relative(options.root, path)}: ${name}` });
    if (file.failed && file.output.trim() !== '') print(`  what it printed:\n${indent(file.output, '    | ')}`);
  };

  for await (const { type, data } of stream) {
    // A test may stand in a file that the test file imports: it belongs to the one that was run.
    const path = 'entryFile' in data && data.entryFile !== undefined ? data.entryFile : data.file;
    if (type === 'test:stdout' || type === 'test:stderr') {
      const file = of(path);
      file.output = (file.output + data.message).slice(-OUTPUT_KEPT);
      continue;
    }
    // The runner's own entry for the file as a whole.
    const whole = 'name' in data && data.name === path;
    if (type === 'test:enqueue') {
      const file = of(path);
      if (!whole) {
        file.begun++;
        file.open++;
      }
    }
    if (!whole && (type === 'test:pass' || type === 'test:fail')) of(path).open--;
    if (type === 'test:pass' && !whole && data.details.type !== 'suite') {
      const file = of(path);
      if (data.skip === undefined || data.skip === false) file.passed++;
      else if (options.ci && !String(data.skip).startsWith(IMPOSSIBLE)) failed(file, data.name, '', `skipped with CI=true: ${data.skip}`);
      else file.skipped++;
    } else if (type === 'test:fail' && data.details.type !== 'suite' && !isConsequence(data.details.error)) {
      const place = data.line === undefined ? '' : ` (${relative(options.root, data.file ?? '')}:${data.line})`;
      failed(of(path), data.name, place, explain(data.details.error));
    } else if (type === 'test:summary' && path !== undefined) {
      finish(path, data.duration_ms);
    }
  }
  for (const path of [...files.keys()]) finish(path, 0);
}
