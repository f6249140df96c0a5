/** A program at a terminal that opens a browser, for the length of a test: the address lands in a file, and the test goes there in its own browser. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { eventually } from '@sallyport/testing/time.ts';

export interface AtTerminal {
  /** What the program wanted opened. */
  url(): Promise<string>;
  /** Its steps; fails with what it wrote to stderr unless it ended well. */
  steps(): Promise<Map<string, unknown>>;
  /** Exit code and stderr, however it ended. */
  ended(): Promise<{ code: number; stderr: string }>;
}

export async function atTerminal(
  t: TestContext,
  executable: string,
  args: string[],
  options: { home: string; env: Record<string, string> },
): Promise<AtTerminal> {
  const { home } = options;
  const opened = join(home, 'opened-url');
  const opener = join(home, 'open-url');
  await writeFile(opener, `#!/bin/sh\nprintf '%s' "$1" > '${opened}.part' && mv '${opened}.part' '${opened}'\n`);
  await chmod(opener, 0o700);
  const env = {
    PATH: process.env['PATH'] ?? '',
    LANG: 'C.UTF-8',
    PYTHONDONTWRITEBYTECODE: '1',
    HOME: home,
    BROWSER: `${opener} %s`,
    ...options.env,
  };
  const child: ChildProcess = spawn(executable, args, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const end = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  const ended = async (): Promise<{ code: number; stderr: string }> => ({ code: await end, stderr });
  return {
    url: () =>
      // As long as a program may take that starts while everything else does.
      eventually(
        async () => {
          if (child.exitCode !== null) throw new Error(`it ended before it opened a browser: ${stderr}`);
          return readFile(opened, 'utf8');
        },
        { timeoutMs: 60_000 },
      ),
    steps: async () => {
      const { code } = await ended();
      if (code !== 0) throw new Error(`exit code ${code}\n${stdout}\n${stderr.slice(-4_000)}`);
      const lines = stdout.trim().split('\n');
      return new Map(lines.map((line): { step: string; value: unknown } => JSON.parse(line)).map(({ step, value }) => [step, value]));
    },
    ended,
  };
}
