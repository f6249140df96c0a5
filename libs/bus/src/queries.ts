/**
 * Questions to whoever owns a detectors' partition: `det.query.<partition>`, request and reply, JSON (detectors.md §1.9). Only detectors may
 * ask and answer them. Nobody listening and no answer in time are null: the asker decides what that means.
 */
import type { Bus } from './connect.ts';
import { isAnswerSubject, question } from './late.ts';
import { errorFields } from './log.ts';

export interface ServingQueries {
  stop(): void;
}

function querySubject(partition: number): string {
  if (!Number.isInteger(partition) || partition < 0) throw new RangeError('no such partition');
  return `det.query.${partition}`;
}

/** Answers questions about one partition. An answer of `undefined` is none: the asker's time runs out. */
export function serveQueries(bus: Bus, partition: number, answer: (asked: unknown) => Promise<unknown>): ServingQueries {
  const subscription = bus.nc.subscribe(querySubject(partition), {
    callback: (error, message) => {
      if (error) return bus.log.warn({ partition, ...errorFields(error) }, 'questions cannot be answered');
      const answered = (async () => answer(JSON.parse(new TextDecoder().decode(message.data))))();
      answered.then(
        (given) => {
          if (given !== undefined && isAnswerSubject(bus.user, message.reply)) message.respond(JSON.stringify(given));
        },
        (failed: unknown) => bus.log.warn({ partition, ...errorFields(failed) }, 'a question could not be answered'),
      );
    },
  });
  return { stop: () => subscription.unsubscribe() };
}

export async function askQuery(bus: Bus, partition: number, asked: unknown, timeoutMs: number): Promise<unknown> {
  try {
    const message = await question(bus, bus.user, querySubject(partition), JSON.stringify(asked), { timeout_ms: Math.max(1, timeoutMs) });
    if (!message) return null;
    const answer: unknown = JSON.parse(new TextDecoder().decode(message.data));
    return answer;
  } catch {
    return null;
  }
}
