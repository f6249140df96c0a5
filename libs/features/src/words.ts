/** Text as words (detectors.md, appendix A), and the words of a call's template (A.7). */
import { STOP_WORDS } from './lexicon.ts';

/** Words that `call.attempted` carries at most. */
export const MAX_CALL_WORDS = 24;

const BORDER = /(?<=[\p{Ll}\p{Nd}])(?=\p{Lu})/gu;
const NO_WORD = /[^\p{L}\p{Nd}]+/u;
const VERSION = /^v\d+$/;
const SKIPPED_LITERALS: ReadonlySet<string> = new Set(['api', 'rest', 'apis']);
const VERSION_SEGMENT = /^v?\d+(?:\.\d+)*(?:(?:alpha|beta)\d*)?$/;

/** The words of a text in order, repeats kept: NFKC, camel case split, lower case, without stop words, numbers and single letters. */
export function words(text: string): string[] {
  return text
    .normalize('NFKC')
    .replace(BORDER, ' ')
    .toLowerCase()
    .split(NO_WORD)
    .filter((word) => [...word].length >= 2 && !/^\p{Nd}+$/u.test(word) && !VERSION.test(word) && !STOP_WORDS.has(word));
}

/** The distinct words of a template's literals, without the service's own name, and of the addressed resource; at most 24. */
export function callWords(service: string, template: string, resource: string | null): string[] {
  const literals = template
    .split('/')
    .filter(
      (segment) =>
        segment !== '' && !segment.startsWith('{') && !SKIPPED_LITERALS.has(segment.toLowerCase()) && !VERSION_SEGMENT.test(segment),
    )
    .flatMap((segment) => words(segment))
    .filter((word) => word !== service);
  return [...new Set([...literals, ...(resource === null ? [] : words(resource))])].slice(0, MAX_CALL_WORDS);
}
