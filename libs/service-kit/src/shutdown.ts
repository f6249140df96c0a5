/**
 * The end of a process. SIGTERM, SIGINT and defects that nobody caught (logged, exit code 1) close what was opened, last first, within the deadline;
 * after it the process ends anyway. The supervisor, and the keeper that outlives it, send SIGTERM: a service needs no other sign that they are gone.
 */
import { errorFields } from '@sallyport/bus/log.ts';
import closeWithGrace from 'close-with-grace';
import type { Log } from './log.ts';
import { endTelemetry } from './telemetry.ts';

export interface Shutdown {
  /** Call it right after something was opened; closed in the opposite order. */
  add(name: string, close: () => unknown): void;
  /** Closes as a signal would. */
  close(): void;
}

export interface ShutdownOptions {
  log: Log;
  /** Shorter than the supervisor's 3 s grace, so that it is we who say what hung. */
  deadline_ms?: number;
}

export function onShutdown({ log, deadline_ms = 2_500 }: ShutdownOptions): Shutdown {
  const steps: { name: string; close: () => unknown }[] = [{ name: 'telemetry', close: endTelemetry }];
  let current = '';
  const grace = closeWithGrace(
    { delay: deadline_ms, logger: false, onTimeout: () => log.error({ stage: current }, 'closing took too long') },
    async ({ err, signal }) => {
      if (err) log.error(errorFields(err), 'a defect ends the process');
      else log.info({ cause: signal ?? 'asked' }, 'closing');
      for (const { name, close } of steps.reverse()) {
        current = name;
        try {
          await close();
        } catch (error) {
          log.error({ stage: name, ...errorFields(error) }, 'could not be closed');
        }
      }
      log.info({}, 'closed');
    },
  );
  return { add: (name, close) => steps.push({ name, close }), close: () => grace.close() };
}
