/** A map that forgets by age, a generation at a time: what is older than `keepMs` of stream time is dropped whole. */
export interface Generations<V> {
  get(key: string): V | undefined;
  set(key: string, value: V, tsMs: number): void;
  delete(key: string): void;
  size(): number;
}

const PARTS = 4;

export function createGenerations<V>(keepMs: number): Generations<V> {
  const span = keepMs / (PARTS - 1);
  let parts: Map<string, V>[] = [new Map()];
  let openedAt = 0;

  function turn(tsMs: number): void {
    if (tsMs - openedAt < span) return;
    const steps = openedAt === 0 ? 1 : Math.min(PARTS, Math.floor((tsMs - openedAt) / span));
    for (let i = 0; i < steps; i++) parts = [new Map<string, V>(), ...parts].slice(0, PARTS);
    openedAt = tsMs;
  }

  return {
    get(key) {
      for (const part of parts) {
        const value = part.get(key);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    set(key, value, tsMs) {
      turn(tsMs);
      parts[0]?.set(key, value);
    },
    delete(key) {
      for (const part of parts) part.delete(key);
    },
    size() {
      return parts.reduce((sum, part) => sum + part.size, 0);
    },
  };
}
