/** Times on the wire (api.md §1.3): conversions, and never a clock. */
// oxlint-disable-next-line eslint/no-restricted-properties, eslint/no-restricted-globals -- the calendar alone: nothing here asks what time it is
const Calendar = Date;

/** ISO-8601 UTC with milliseconds. */
export function iso(timeMs: number): string {
  return new Calendar(timeMs).toISOString();
}

export function isoOrNull(timeMs: number | null): string | null {
  return timeMs === null ? null : iso(timeMs);
}

/** Unix ms of a time that the contract has checked, or null. */
export function parseTime(text: string): number | null {
  const time = Calendar.parse(text);
  return Number.isNaN(time) ? null : time;
}
