/**
 * Questions to owners, shared: one per key under way at a time (architecture, "Views"). A caller that wants to refuse may only use an answer
 * to a question that was sent after its call arrived; whoever only wants to pass may share an older one.
 */
export interface Asked<T> {
  value: T;
  /** `performance.now()` when the question was sent. */
  sent_at: number;
}

export interface Questions<T> {
  /** Shares the question under way if it was sent at or after `since`, else sends one as soon as that one has ended. */
  ask(key: string, since: number, send: () => Promise<T>): Promise<Asked<T>>;
}

interface UnderWay<T> {
  sent_at: number;
  answer: Promise<Asked<T>>;
  next: Promise<Asked<T>> | null;
}

/** Not under way any more; nobody waited in time. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
}

export function createQuestions<T>(timeoutMs: number): Questions<T> {
  const open = new Map<string, UnderWay<T>>();

  function start(key: string, send: () => Promise<T>): Promise<Asked<T>> {
    const sent_at = performance.now();
    const answer = within(send(), timeoutMs).then(
      (value) => ({ value, sent_at }),
      (error: unknown) => {
        throw error instanceof Unanswered ? error : new Unanswered('no answer', { cause: error });
      },
    );
    const mine: UnderWay<T> = { sent_at, answer, next: null };
    open.set(key, mine);
    const end = (): void => {
      if (open.get(key) === mine) open.delete(key);
    };
    answer.then(end, end);
    return answer;
  }

  return {
    ask: (key, since, send) => {
      const current = open.get(key);
      if (!current) return start(key, send);
      if (current.sent_at >= since) return current.answer;
      current.next ??= current.answer.then(
        () => start(key, send),
        () => start(key, send),
      );
      return within(current.next, timeoutMs);
    },
  };
}

function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Unanswered('too late')), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
