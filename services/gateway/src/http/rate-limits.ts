/** Token buckets per principal (api.md §1.6), each gateway's own. Time comes from the caller. Bounded: full buckets are forgotten first. */
export type Bucket = 'control' | 'proxy' | 'issue' | 'verify' | 'enrolment' | 'export' | 'sign_in';

export interface Taken {
  ok: boolean;
  limit: number;
  remaining: number;
  /** Seconds until a token is there, or until the bucket is full. */
  reset: number;
}

export interface Limits {
  /** Takes one token. `nowMs`: monotonic. */
  take(bucket: Bucket, who: string, nowMs: number): Taken;
}

/** Per second, with the published number for the header. */
export const RATES: Record<Bucket, { limit: number; seconds: number }> = {
  control: { limit: 600, seconds: 60 },
  proxy: { limit: 1_200, seconds: 60 },
  issue: { limit: 60, seconds: 60 },
  verify: { limit: 600, seconds: 60 },
  enrolment: { limit: 10, seconds: 3_600 },
  export: { limit: 10, seconds: 60 },
  sign_in: { limit: 20, seconds: 60 },
};

const MAX_KEPT = 50_000;

interface Level {
  tokens: number;
  at: number;
}

/** `limits`: others than those of the specification, per minute, of enrolment per hour. */
export function createLimits(options: { off: boolean; limits?: Partial<Record<Bucket, number>> }): Limits {
  const levels = new Map<string, Level>();

  return {
    take: (bucket, who, nowMs) => {
      const { seconds, limit: standard } = RATES[bucket];
      const limit = options.limits?.[bucket] ?? standard;
      if (options.off) return { ok: true, limit, remaining: limit, reset: 0 };
      const rate = limit / seconds;
      const burst = Math.max(10, 2 * rate);
      const key = `${bucket} ${who}`;
      const known = levels.get(key);
      const tokens = known ? Math.min(burst, known.tokens + ((nowMs - known.at) / 1000) * rate) : burst;
      const ok = tokens >= 1;
      const left = ok ? tokens - 1 : tokens;
      if (known) {
        known.tokens = left;
        known.at = nowMs;
      } else {
        if (levels.size >= MAX_KEPT) forgetOldest(levels);
        levels.set(key, { tokens: left, at: nowMs });
      }
      return { ok, limit, remaining: Math.floor(left), reset: Math.ceil(ok ? (burst - left) / rate : (1 - left) / rate) };
    },
  };
}

// Who floods with new names pushes out the oldest ones, never more than a tenth at once.
function forgetOldest(levels: Map<string, Level>): void {
  for (const key of levels.keys().take(MAX_KEPT / 10)) levels.delete(key);
}
