/** Processes that stand still. SIGSTOP reaches each thread in its own time, and one that still runs may take or answer something. */
import { readdir, readFile } from 'node:fs/promises';
import { eventually } from './time.ts';

/** Resolves when no thread runs any more; where the system does not tell (no `/proc`), when the signal is sent. */
export async function pauseProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const tasks = `/proc/${pid}/task`;
  await eventually(
    async () => {
      const threads = await readdir(tasks).catch(() => []);
      const stats = await Promise.all(threads.map((thread) => readFile(`${tasks}/${thread}/stat`, 'utf8').catch(() => '')));
      // The state follows the name, which stands in parentheses and may hold some itself.
      return stats.every((stat) => stat === '' || /\) T [^)]*$/.test(stat));
    },
    { everyMs: 1 },
  );
}
