/**
 * The log: one JSON line per outcome. Redaction by construction: only fields on the list come through, as bounded text, numbers or booleans; a field that
 * is not listed is named under `dropped`, without its value. Whatever looks like one of our tokens or keys is cut out of every text.
 */
import type { Log } from '@sallyport/bus/log.ts';
import pino, { type DestinationStream } from 'pino';

export type { Log } from '@sallyport/bus/log.ts';

const FIELDS = [
  'action agent_id attempt boot_id bytes cause code connection_id count cursor duration_ms elapsed_ms error event fence fields follower from',
  'gateways host http_status id instance jti key kind lag member_id method mission_id name operation operator_id outcome partition path pid port',
  'position principal projection reason request_id rule seq service session_id severity signal skew_ms stack stage state status subject timer to',
  'trace_id tries type url_host user version acknowledged actor',
]
  .join(' ')
  .split(' ');

const MAX_TEXT = 512;
const MAX_STACK = 4_096;

/** Our own secrets by their form (api.md §3.1), JWTs and JWEs, and credentials inside URLs. */
const SECRETS =
  /\b(?:sk_live|tkt|rt|dc)_[A-Za-z0-9_]{8,}|\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,4}|(?<=:\/\/)[^\s/@]+(?=@)|\bBearer\s+\S+/gi;

export interface LogOptions {
  level?: string;
  /** Names of further fields that may appear. */
  fields?: readonly string[];
  destination?: DestinationStream;
}

/** `name`: the instance. Writes to standard output. */
export function createLog(name: string, { level = 'info', fields = [], destination }: LogOptions = {}): Log {
  const allowed = new Set([...FIELDS, ...fields]);
  const options = {
    level,
    base: { instance: name },
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const lines = destination ? pino(options, destination) : pino(options);
  const write =
    (at: 'debug' | 'info' | 'warn' | 'error') =>
    (given: object, message: string): void => {
      if (lines.isLevelEnabled(at)) lines[at](permitted(given, allowed), redact(message));
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

function permitted(given: object, allowed: ReadonlySet<string>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const safe = allowed.has(name) ? plain(value, name === 'stack' ? MAX_STACK : MAX_TEXT) : undefined;
    if (safe === undefined) dropped.push(name.slice(0, 64));
    else kept[name] = safe;
  }
  return dropped.length > 0 ? { ...kept, dropped } : kept;
}

/** Objects do not come through: nobody could say what is in them. */
function plain(value: unknown, max: number): unknown {
  if (typeof value === 'string') return redact(value).slice(0, max);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' || typeof item === 'number'))
    return value.slice(0, 20).map((item) => plain(item, 128));
  return undefined;
}

export function redact(text: string): string {
  return text.replace(SECRETS, '[redacted]');
}
