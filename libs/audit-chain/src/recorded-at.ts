/**
 * Stream timestamps as text and back, without a clock or a time zone (api.md §1.3, §16.1): `2026-06-01T09:00:17.000412Z`.
 *
 * Proleptic Gregorian calendar, years 1970 to 9999; leap seconds do not exist, as in Unix time.
 */

const FORM = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})\d{3}Z$/;
const DAY_MS = 86_400_000;

/** The text of a stream timestamp in nanoseconds since 1970, cut (not rounded) to microseconds. */
export function recordedAt(nanoseconds: bigint): string {
  const microseconds = nanoseconds / 1000n;
  const seconds = Number(microseconds / 1_000_000n);
  const day = Math.floor(seconds / 86_400);
  const { year, month, dayOfMonth } = civilOf(day);
  const rest = seconds - day * 86_400;
  const time = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map((part) => pad(part, 2)).join(':');
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(dayOfMonth, 2)}T${time}.${pad(Number(microseconds % 1_000_000n), 6)}Z`;
}

/** The Unix milliseconds of such a text, cut; null when it is of another form. */
export function recordedMilliseconds(text: string): number | null {
  const [, ...parts] = FORM.exec(text) ?? [];
  const [year, month, dayOfMonth, hours, minutes, seconds, millis] = parts.map(Number);
  if (year === undefined || month === undefined || dayOfMonth === undefined || hours === undefined) return null;
  if (minutes === undefined || seconds === undefined || millis === undefined) return null;
  const day = dayOf(year, month, dayOfMonth);
  const back = civilOf(day);
  if (back.year !== year || back.month !== month || back.dayOfMonth !== dayOfMonth) return null;
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  return day * DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis;
}

// Days are counted in 400-year eras of 146,097 days whose years begin in March, so that the leap day comes last.
function civilOf(day: number): { year: number; month: number; dayOfMonth: number } {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfMonth: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1 };
}

function dayOf(year: number, month: number, dayOfMonth: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + dayOfMonth - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
