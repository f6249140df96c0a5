/** Load on one port: closed (each connection sends its next request when it has the answer) or paced (so many requests a second, whatever the answers do). */
import { type Wire, wire } from './wire.ts';

export interface Load {
  calls: number;
  failures: number;
  /** First answer that was not 200, for the report. */
  failure: string | null;
  seconds: number;
  /** Milliseconds, sorted. */
  latencies: Float64Array;
}

export interface LoadOptions {
  port: number;
  connections: number;
  seconds: number;
  /** The next request, whole: head and body. */
  next: () => Buffer;
}

const MAX_SAMPLES = 2_000_000;

interface Samples {
  take(ms: number, status: number, text: string): void;
  result(): Load;
}

function samples(): Samples {
  const latencies = new Float64Array(MAX_SAMPLES);
  const result = { calls: 0, failures: 0, failure: null as string | null };
  const start = performance.now();
  return {
    take: (ms, status, text) => {
      latencies[result.calls++] = ms;
      if (status === 200) return;
      result.failures++;
      result.failure ??= text.slice(0, 600);
    },
    result: () => ({ ...result, seconds: (performance.now() - start) / 1000, latencies: latencies.slice(0, result.calls).sort() }),
  };
}

export async function load({ port, connections, seconds, next }: LoadOptions): Promise<Load> {
  const taken = samples();
  const end = performance.now() + seconds * 1000;
  const wires = Array.from({ length: connections }, () => wire(port));
  for (const one of wires) {
    const send = (): void => {
      const sent = performance.now();
      one.ask(next(), (status, text) => {
        const now = performance.now();
        taken.take(now - sent, status, text);
        if (now < end) send();
        else one.end();
      });
    };
    send();
  }
  await Promise.all(wires.map(({ closed }) => closed));
  return taken.result();
}

/**
 * A request that finds no free connection waits for one with its clock running, so a server that falls behind shows it. `seconds` of the result
 * reach to the last answer.
 */
export async function paced({ port, connections, seconds, next, rate }: LoadOptions & { rate: number }): Promise<Load> {
  const taken = samples();
  const wires = Array.from({ length: connections }, () => wire(port));
  const free: Wire[] = [...wires];
  const waiting: number[] = [];
  const total = Math.floor(rate * seconds);
  let answered = 0;
  const { promise, resolve } = Promise.withResolvers<void>();

  function work(): void {
    for (let one = free.pop(); one; one = free.pop()) {
      const due = waiting.shift();
      if (due === undefined) {
        free.push(one);
        return;
      }
      ask(one, due);
    }
  }
  function ask(one: Wire, due: number): void {
    one.ask(next(), (status, text) => {
      taken.take(performance.now() - due, status, text);
      free.push(one);
      if (++answered === total) resolve();
      work();
    });
  }

  const start = performance.now();
  let made = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    for (const until = Math.min(total, Math.floor(((now - start) * rate) / 1000)); made < until; made++) waiting.push(now);
    work();
    if (made === total) clearInterval(timer);
  }, 1);
  const broken = Promise.race(wires.map(({ closed }) => closed)).then(() => {
    if (answered < total) throw new Error('the server closed a connection');
  });
  await Promise.race([promise, broken]);
  for (const one of wires) one.end();
  await Promise.all(wires.map(({ closed }) => closed));
  return taken.result();
}

/** Of sorted values. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
