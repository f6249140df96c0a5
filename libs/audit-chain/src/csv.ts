/**
 * Rows as CSV (RFC 4180) for the export of api.md §16.2. The cells hold what agents and upstreams chose, and will be opened in a
 * spreadsheet: a cell that would be read as a formula gets a leading apostrophe.
 */
import { canonicalJson, ROW_KEYS, type Row } from './row.ts';

/** The column names, with line end. */
export const CSV_HEADER = `${ROW_KEYS.join(',')}\r\n`;

/** One line, with line end; objects as JSON, null as an empty cell. */
export function csvLine(row: Row): string {
  return `${ROW_KEYS.map((key) => csvCell(row[key])).join(',')}\r\n`;
}

/** One cell. */
export function csvCell(value: string | number | boolean | object | null): string {
  if (value === null) return '';
  const text = typeof value === 'object' ? canonicalJson(value) : String(value);
  const inert = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
