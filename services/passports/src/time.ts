/** Times on the wire (api.md §1.3). Pure: no clock is read here. */

/** ISO-8601 UTC with milliseconds. */
export function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

export function isoOrNull(timeMs: number | null): string | null {
  return timeMs === null ? null : iso(timeMs);
}

/** Unix ms of a time that the contract has checked, or null. */
export function parseTime(text: string): number | null {
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}
