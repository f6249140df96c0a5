/** Python scripts of the stories, run to their end with the SDK of this repository on the path. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Both distributions as they lie in the tree. */
export const SDK_PATH = ['libs/sdk-python/src', 'libs/sdk-python-getstack/src'].map((folder) => join(ROOT, folder)).join(':');

export interface PythonRun {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `executable` with nothing of this shell's environment but the path; never throws for its exit code. */
export async function runPython(
  executable: string,
  args: string[],
  options: { cwd: string; env: Record<string, string>; timeout_ms?: number },
): Promise<PythonRun> {
  const env = { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1', CI: 'true', ...options.env };
  try {
    const done = await run(executable, args, { cwd: options.cwd, env, timeout: options.timeout_ms ?? 120_000, maxBuffer: 1 << 26 });
    return { code: 0, ...done };
  } catch (error) {
    const failed = error as { code?: number; stdout?: string; stderr?: string };
    return { code: typeof failed.code === 'number' ? failed.code : 1, stdout: failed.stdout ?? '', stderr: failed.stderr ?? String(error) };
  }
}

/** A published documentation page that must run unchanged; it lies beside the checkout, or where `SALLYPORT_PAGES` says. */
export async function page(name: string): Promise<string | null> {
  for (const folder of [process.env['SALLYPORT_PAGES'], join(ROOT, '..', 'shared', 'seeds')]) {
    if (folder === undefined) continue;
    const file = join(folder, name);
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  return null;
}
