/** `npm run check`: every guard, two at a time, one line each; what a failing one says follows. */
import { STEPS } from './check-steps.ts';
import { REPOSITORY } from './services.ts';

const waiting = [...STEPS];
let failed = 0;

async function work(): Promise<void> {
  for (let step = waiting.shift(); step; step = waiting.shift()) {
    const started = performance.now();
    const { ok, output } = await step.run(REPOSITORY);
    console.log(`${ok ? '✔' : '✖'} ${step.name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    if (ok) continue;
    failed++;
    console.log(
      output
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`)
        .join('\n'),
    );
  }
}

await Promise.all([work(), work()]);
console.log(failed === 0 ? 'check passed' : `check failed: ${failed} of ${STEPS.length}`);
process.exitCode = failed === 0 ? 0 : 1;
