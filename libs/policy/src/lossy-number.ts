/**
 * Whether a JSON number survives a double (api.md §8.1): its decimal value is compared with that of the shortest text which gives the
 * same double, so `1.0`, `1e2` and `0.1` pass, while `9007199254740993`, `1e400` and `1e-400` do not.
 */

/** `literal` is a JSON number (RFC 8259 §6). */
export function isLossyNumber(literal: string): boolean {
  const value = Number(literal);
  if (!Number.isFinite(value)) return true;
  const written = decimalOf(literal);
  const kept = decimalOf(String(value));
  return written.digits !== kept.digits || written.exponent !== kept.exponent;
}

const PARTS = /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i;

// The value is 0.digits × 10^exponent, digits without zeros at either end; signs agree by construction, and -0 is 0.
function decimalOf(text: string): { digits: string; exponent: number } {
  const [, whole = '', fraction = '', exponent = '0'] = PARTS.exec(text) ?? [];
  const all = whole + fraction;
  const leading = countZeros(all, 0, 1);
  if (leading === all.length) return { digits: '', exponent: 0 };
  const trailing = countZeros(all, all.length - 1, -1);
  return { digits: all.slice(leading, all.length - trailing), exponent: whole.length - leading + Number(exponent) };
}

function countZeros(text: string, from: number, step: 1 | -1): number {
  let count = 0;
  for (let at = from; text[at] === '0'; at += step) count += 1;
  return count;
}
