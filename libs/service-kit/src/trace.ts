/** W3C Trace Context (level 1 `traceparent`, level 2 draft `traceresponse`), pure but for the random bytes that its callers bring. */

export interface Trace {
  /** 32 hex digits. */
  trace_id: string;
  /** 16 hex digits. */
  span_id: string;
  /** 2 hex digits. */
  flags: string;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Null for what is not valid: such a header is replaced by a new trace (api.md §1.4). */
export function parseTraceparent(text: string | undefined): Trace | null {
  const [, version, trace_id = '', span_id = '', flags = '', rest] = (text === undefined ? null : FORM.exec(text)) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (/^0+$/.test(trace_id) || /^0+$/.test(span_id)) return null;
  return { trace_id, span_id, flags };
}

export function formatTraceparent({ trace_id, span_id, flags }: Trace): string {
  return `00-${trace_id}-${span_id}-${flags}`;
}

/** Our server span: continues a valid trace, else begins one. 24 random bytes. */
export function serverSpan(incoming: string | undefined, random: Uint8Array): Trace {
  if (random.length < 24) throw new RangeError('a span needs 24 random bytes');
  const bytes = Buffer.from(random);
  // An id of zeros alone is not valid.
  bytes[15] = (bytes[15] ?? 0) | 1;
  bytes[23] = (bytes[23] ?? 0) | 1;
  const parent = incoming === undefined ? null : parseTraceparent(incoming);
  const hex = bytes.toString('hex', 0, 24);
  const span_id = hex.slice(32);
  return parent ? { trace_id: parent.trace_id, span_id, flags: parent.flags } : { trace_id: hex.slice(0, 32), span_id, flags: '01' };
}

/** Value of the response header `traceresponse`: `00-<trace-id>-<span-id of the server span>-<flags>`. */
export function traceresponse(span: Trace): string {
  return formatTraceparent(span);
}
