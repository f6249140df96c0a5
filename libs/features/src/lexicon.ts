/** The word lists of detectors.md, appendix A, as sets. The file is normative: a change of it is a change of `XV`. */
import file from './lexicon.v1.json' with { type: 'json' };

export const STOP_WORDS: ReadonlySet<string> = new Set(file.stop_words);
export const VERBS: { readonly [kind in 'read' | 'write' | 'delete']: ReadonlySet<string> } = {
  read: new Set(file.verbs.read),
  write: new Set(file.verbs.write),
  delete: new Set(file.verbs.delete),
};
export const GENERIC_WORDS: ReadonlySet<string> = new Set(file.generic);
export const SENSITIVE_WORDS: ReadonlySet<string> = new Set(file.sensitive);
export const CONCEPT_GROUPS: readonly ReadonlySet<string>[] = file.concept_groups.map((group) => new Set(group));

const ALL_VERBS: ReadonlySet<string> = new Set(Object.values(file.verbs).flat());

/** The listed verb that `word` is a form of (endings s, es, d, ed, ing and e-dropping ing), or null. */
export function verbOf(word: string): string | null {
  if (ALL_VERBS.has(word)) return word;
  for (const ending of ['s', 'es', 'd', 'ed', 'ing']) {
    if (!word.endsWith(ending)) continue;
    const stem = word.slice(0, -ending.length);
    if (ALL_VERBS.has(stem)) return stem;
    if (ending === 'ing' && ALL_VERBS.has(`${stem}e`)) return `${stem}e`;
  }
  return null;
}
