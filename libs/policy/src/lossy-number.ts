/**
 * Whether a JSON number survives a double (api.md §8.1): its decimal value is compared with that of the shortest text which gives the
 * same double, so `1.0`, `1e2` and `0.1` pass, while `9007199254740993`, `1e400` and `1e-400` do not.
 */

/** `literal` is a JSON number (RFC 8259 §6). */
export function isLossyNumber(literal: string): boolean {
  const value = Number(literal);
  // The significant digits decide: the double nearest to a number is never off by a power of ten, save where it becomes 0 or infinite.
  return !Number.isFinite(value) || significantDigits(literal) !== significantDigits(String(value));
}

/** Without sign, point, exponent, and zeros at either end; empty for zero. */
function significantDigits(text: string): string {
  const [mantissa = ''] = text.split(/e/i, 1);
  const digits = mantissa.replace(/[-.]/g, '');
  let from = 0;
  let to = digits.length;
  while (digits[from] === '0') from += 1;
  while (to > from && digits[to - 1] === '0') to -= 1;
  return digits.slice(from, to);
}
