/**
 * An upstream's answer as the envelope carries it (api.md §8.5): decoded, of one kind, without the secret. Pure but for zlib.
 */
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import type { Scrubber } from './scrub.ts';

export const MAX_RESPONSE_BYTES = 10 * 1024 * 1024;
const MAX_CODINGS = 2;

export type BodyKind = 'json' | 'text' | 'binary' | 'empty';

/** `text` is JSON: the body's value as it stands in the envelope. */
export interface EnvelopeBody {
  kind: BodyKind;
  text: string;
}

/** `broken`: the bytes are not what `content-encoding` says. */
export type Decoded = { ok: true; bytes: Buffer; opaque: boolean } | { ok: false; problem: 'too_large' | 'broken' };

/** Undoes `content-encoding`, at most 10 MB. An encoding that is not known leaves the bytes as they are, `opaque`. */
export function decodeBody(bytes: Buffer, contentEncoding: string | undefined): Decoded {
  const codings = (contentEncoding ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (bytes.length > MAX_RESPONSE_BYTES) return { ok: false, problem: 'too_large' };
  // Each takes processor time for 10 MB, while nothing else of this gateway runs.
  if (codings.length > MAX_CODINGS) return { ok: false, problem: 'broken' };
  let decoded = bytes;
  if (bytes.length === 0) return { ok: true, bytes, opaque: false };
  for (const coding of codings.toReversed()) {
    const one = decoderOf(coding);
    if (!one) return { ok: true, bytes: decoded, opaque: true };
    try {
      decoded = one(decoded);
    } catch (error) {
      return { ok: false, problem: isTooLarge(error) ? 'too_large' : 'broken' };
    }
  }
  return { ok: true, bytes: decoded, opaque: false };
}

const limit = { maxOutputLength: MAX_RESPONSE_BYTES };

function decoderOf(coding: string): ((bytes: Buffer) => Buffer) | null {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return (bytes) => gunzipSync(bytes, limit);
    case 'deflate':
      // Some servers send the raw stream without the zlib frame.
      return (bytes) => (((bytes[0] ?? 0) & 0x0f) === 8 ? inflateSync(bytes, limit) : inflateRawSync(bytes, limit));
    case 'br':
      return (bytes) => brotliDecompressSync(bytes, limit);
    case 'zstd':
      return (bytes) => zstdDecompressSync(bytes, limit);
    default:
      return null;
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}

const TEXT_TYPE = /^(?:text\/|application\/(?:xml|x-www-form-urlencoded|javascript|ecmascript|x-javascript)$|[^;]+\+xml$)/;
const JSON_TYPE = /^(?:application\/json|[^;]+\+json)$/;
const MAX_CONTENT_TYPE = 256;

/** The body's kind and its value, secrets taken out. `opaque` bytes are binary whatever their type says. */
export function envelopeBody(bytes: Buffer, contentType: string | undefined, scrub: Scrubber, opaque: boolean): EnvelopeBody {
  if (bytes.length === 0) return { kind: 'empty', text: 'null' };
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const isJson = JSON_TYPE.test(type);
  if (opaque || !(isJson || TEXT_TYPE.test(type))) {
    const shown = scrub.text((contentType ?? 'application/octet-stream').slice(0, MAX_CONTENT_TYPE));
    return { kind: 'binary', text: JSON.stringify({ base64: scrub.bytes(bytes).toString('base64'), content_type: shown }) };
  }
  const text = decodeText(bytes, contentType);
  if (isJson) {
    // The upstream's own JSON goes into the envelope as it is: no number changes on the way.
    if (isJsonText(text)) return { kind: 'json', text: scrub.json(text) };
  }
  return { kind: 'text', text: JSON.stringify(scrub.text(text)) };
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const CHARSET = /;\s*charset\s*=\s*"?([A-Za-z0-9_:.+-]{1,40})"?/i;
const UTF8 = new TextDecoder();

function decodeText(bytes: Buffer, contentType: string | undefined): string {
  const label = CHARSET.exec(contentType ?? '')?.[1];
  if (label === undefined || /^utf-?8$/i.test(label)) return UTF8.decode(bytes);
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    return UTF8.decode(bytes);
  }
}

/** The whole answer of `POST /v1/proxy`. */
export function envelope(parts: {
  status: number;
  headers: Record<string, string>;
  body: EnvelopeBody;
  entry_id: string | null;
  attempt_entry_id: string;
  duration_ms: number;
}): string {
  const entry = parts.entry_id === null ? 'null' : `"${parts.entry_id}"`;
  return `{"status":${parts.status},"headers":${JSON.stringify(parts.headers)},"body":${parts.body.text},"body_kind":"${parts.body.kind}","entry_id":${entry},"attempt_entry_id":"${parts.attempt_entry_id}","duration_ms":${parts.duration_ms}}`;
}
