/**
 * The shape of a call: service, method and path template (detectors.md §1.4). Two calls of one kind have one shape, whatever ids they name.
 */
import { repositorySpan, resourceKindOf } from './resource.ts';
import { decoded, segmentsOf } from './view.ts';

const MAX_SEGMENTS = 6;
const MAX_LITERAL_LENGTH = 64;

/** `service METHOD template`, such as `github GET repos/{repo}/issues/{n}`; the template of `/` is empty. */
export function shapeOf(service: string, method: string, pathname: string): string {
  return `${service} ${method} ${templateOf(service, pathname)}`;
}

/** At most six segments; what follows is `{rest}`. */
export function templateOf(service: string, pathname: string): string {
  const raw = segmentsOf(pathname);
  const span = resourceKindOf(service) === 'repo' ? repositorySpan(raw.map(decoded)) : null;
  const segments: string[] = [];
  for (let at = 0; at < raw.length; at += 1) {
    if (segments.length === MAX_SEGMENTS) {
      segments.push('{rest}');
      break;
    }
    if (span !== null && at === span.at) {
      segments.push('{repo}');
      at += span.length - 1;
    } else {
      segments.push(placeholderOf(decoded(raw[at] ?? '')) ?? literal(raw[at] ?? ''));
    }
  }
  return segments.join('/');
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const HEX = /^(?=.*\d)[0-9a-f]{7,}$/i;
const PREFIXED_ID = /^[a-z]{2,8}_(?=[A-Za-z0-9]*[0-9A-Z])[A-Za-z0-9]{6,}$/;
const UPPER_ID = /^(?=.*\d)[A-Z][A-Z0-9]{7,}$/;
const MIXED = /^(?=.*[A-Za-z])(?=(?:.*\d){3})[A-Za-z0-9_-]{14,}$/;

function placeholderOf(segment: string): string | null {
  if (/^\d+$/.test(segment)) return '{n}';
  if (/^[A-Z][A-Z0-9]{1,9}-\d+$/.test(segment)) return '{key}';
  if (/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(segment)) return '{email}';
  if (segment.length > 4 * MAX_LITERAL_LENGTH) return '{long}';
  if ([UUID, HEX, PREFIXED_ID, UPPER_ID, MIXED].some((form) => form.test(segment))) return '{id}';
  return segment.length > MAX_LITERAL_LENGTH ? '{long}' : null;
}

// Escapes stay as they are in a literal, so that no path can spell a placeholder: braces never stand in a path unescaped.
function literal(segment: string): string {
  return segment.replace(/[{}\s]/g, '_');
}
