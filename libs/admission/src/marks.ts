/**
 * How far the log of each partition had come, second by second: it tells which entries were written by a gateway that had not read it for too long.
 */
interface Place {
  seq: number;
  ts_ms: number;
  partition: number;
}

export interface Marks {
  /** A message; in order. */
  note(at: Place): void;
  /** Last sequence of this partition that is older than `memory` whole seconds at this place; null: none that was read here. */
  before(at: Place): number | null;
}

interface Lane {
  seconds: { second: number; seq: number }[];
  before: number | null;
}

export function createMarks(memorySeconds: number): Marks {
  const lanes = new Map<number, Lane>();
  const secondOf = (tsMs: number): number => Math.floor(tsMs / 1000);

  function laneOf(partition: number): Lane {
    const known = lanes.get(partition);
    if (known) return known;
    const lane: Lane = { seconds: [], before: null };
    lanes.set(partition, lane);
    return lane;
  }

  function forget(lane: Lane, second: number): void {
    for (let first = lane.seconds[0]; first && first.second < second - memorySeconds; first = lane.seconds[0]) {
      lane.before = first.seq;
      lane.seconds.shift();
    }
  }

  return {
    note: (at) => {
      const lane = laneOf(at.partition);
      const second = secondOf(at.ts_ms);
      const last = lane.seconds.at(-1);
      if (last?.second === second) last.seq = at.seq;
      else {
        forget(lane, second);
        lane.seconds.push({ second, seq: at.seq });
      }
    },
    before: (at) => {
      const lane = laneOf(at.partition);
      forget(lane, secondOf(at.ts_ms));
      return lane.before;
    },
  };
}
