/** Waits until the log is closed and projected, then lets the checker judge. What is still missing at the deadline, the checker names. */
import { eventually } from '@sallyport/testing/time.ts';
import { check, missingRows, openAttempts, type Verdict } from './checker.ts';
import type { World } from './world.ts';

export async function settled(world: World, limitMs: number): Promise<Verdict> {
  await eventually(async () => openAttempts(await world.witness.stream()) === 0, { timeoutMs: limitMs, everyMs: 500 }).catch(
    () => undefined,
  );
  const messages = await world.witness.stream();
  await eventually(async () => missingRows(messages, await world.witness.rows()).length === 0, { timeoutMs: 20_000, everyMs: 250 }).catch(
    () => undefined,
  );
  const { calls, commands, injected } = world;
  const verdict = check({
    messages: await world.witness.stream(),
    rows: await world.witness.rows(),
    upstream: world.upstream.log,
    calls,
    commands,
    injected,
  });
  return { ...verdict, findings: [...world.wrong, ...verdict.findings] };
}
