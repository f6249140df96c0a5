/**
 * Room for buffered response bytes of all calls together (api.md §8.5). While it is used up new calls are refused before anything is
 * recorded, and of the responses under way only the oldest is read on, so that one always ends.
 */
export interface Flow {
  pause(): void;
  resume(): void;
}

export interface Share {
  /** Bytes that arrived. */
  take(bytes: number): void;
  /** The response is answered or gone. */
  release(): void;
}

export interface Room {
  full(): boolean;
  used(): number;
  enter(flow: Flow): Share;
}

interface Member {
  flow: Flow;
  bytes: number;
  paused: boolean;
}

export const ROOM_BYTES = 64 * 1024 * 1024;

export function createRoom(capacity: number = ROOM_BYTES): Room {
  const members = new Set<Member>();
  let used = 0;
  let paused = 0;

  function oldest(): Member | undefined {
    for (const member of members) return member;
    return undefined;
  }

  function resumeWhatFits(): void {
    const first = oldest();
    for (const member of members) {
      if (!member.paused || (used >= capacity && member !== first)) continue;
      member.paused = false;
      paused--;
      member.flow.resume();
    }
  }

  return {
    full: () => used >= capacity,
    used: () => used,
    enter: (flow) => {
      const member: Member = { flow, bytes: 0, paused: false };
      members.add(member);
      return {
        take: (bytes) => {
          member.bytes += bytes;
          used += bytes;
          if (used < capacity || member.paused || member === oldest()) return;
          member.paused = true;
          paused++;
          flow.pause();
        },
        release: () => {
          if (!members.delete(member)) return;
          used -= member.bytes;
          if (member.paused) paused--;
          if (paused > 0) resumeWhatFits();
        },
      };
    },
  };
}
