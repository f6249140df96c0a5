/**
 * The resources that a mission's summary names (detectors.md, A.6).
 *
 * An anchor binds calls, and for an enforced agent a call outside revokes its passport: a false anchor is worse than a missed one, so
 * pairs of ordinary words (`read/write`, `issues/PRs`), file paths, dates and standards (`UTF-8`) are none.
 */
import { CONCEPT_GROUPS, GENERIC_WORDS, SENSITIVE_WORDS, STOP_WORDS, verbOf } from './lexicon.ts';
import type { ResourceKind } from './resource.ts';

/** Names in lower case, in the order of the summary; channels without `#`. */
export type Anchors = { readonly [kind in ResourceKind]: readonly string[] };

const FORGE_URL = /(?:https?:\/\/)?(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org)\/([A-Za-z0-9][\w-]{0,38}\/[\w.-]{1,100})\S*/gi;
const OTHER_URL = /https?:\/\/\S+/gi;
const EMAIL = /[\w.+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])/g;
const REPO = /(?<![\w@./:#-])([A-Za-z0-9][A-Za-z0-9-]{0,38})\/([\w.-]{1,100})(?![\w/@])/g;
const CHANNEL = /(?<![\p{L}\p{N}_&/#])#([\p{L}\p{N}][\p{L}\p{N}_-]{0,79})/gu;
const PROJECT = /(?<![\w-])([A-Z][A-Z0-9]{1,9})-\d+(?![\w-])/g;

export function anchorsOf(summary: string): Anchors {
  const withoutMail = summary.replace(EMAIL, ' ');
  const text = withoutMail.replace(FORGE_URL, ' $1 ').replace(OTHER_URL, ' ');
  return {
    repo: distinct([...text.matchAll(REPO)].map(([, owner = '', name = '']) => repositoryName(owner, name))),
    channel: distinct([...text.matchAll(CHANNEL)].map(([, name = '']) => (/^\p{N}+$/u.test(name) ? null : name.replace(/[-_]+$/, '')))),
    project: distinct([...text.matchAll(PROJECT)].map(([, key = '']) => (NO_PROJECTS.has(key) ? null : key))),
    recipient: distinct([...summary.matchAll(EMAIL)].map(([address]) => address)),
  };
}

const PLAIN_WORDS: ReadonlySet<string> = new Set(
  (
    'he she his her him yes true false off in input output client server front back frontend backend pros cons am pm km tcp ip udp ci cd ui ux ' +
    'start stop left right pass fail either daily weekly monthly quarterly opened closed enable disable enabled disabled old qa dev prod stage ' +
    'staging production low medium high first last next previous today tomorrow yesterday morning evening monday tuesday wednesday thursday friday ' +
    'saturday sunday agent agents human humans bot bots spec specs job cost benefit accept reject allow deny win mac linux windows ios android'
  ).split(' '),
);
const FOLDERS: ReadonlySet<string> = new Set(
  'src lib libs doc docs test tests bin app apps packages scripts config public etc usr var tmp home dist build node_modules'.split(' '),
);
const FILE = /\.(?:md|txt|ts|tsx|jsx|mjs|cjs|py|json|ya?ml|toml|html?|css|go|rs|java|rb|php|c|h|cpp|sh|sql|csv|xml|pdf|png|lock|env)$/i;
const NO_PROJECTS: ReadonlySet<string> = new Set(
  'UTF SHA ISO RFC HTTP COVID GPT CVE GHSA AES RSA MD ES BASE TLS SSL IPV CWE PEP JSR ED X P Q H MP USB DDR FY WEEK V'.split(' '),
);

function repositoryName(owner: string, written: string): string | null {
  const name = written.replace(/[.-]+$/, '').replace(/\.git$/i, '');
  if (name === '' || owner.length + name.length <= 3 || (isPlain(owner) && isPlain(name))) return null;
  if (/^\d+$/.test(owner) || FILE.test(name) || FOLDERS.has(owner.toLowerCase())) return null;
  return `${owner}/${name}`;
}

function isPlain(text: string): boolean {
  const word = text.toLowerCase();
  const lists: readonly ReadonlySet<string>[] = [PLAIN_WORDS, STOP_WORDS, GENERIC_WORDS, SENSITIVE_WORDS, ...CONCEPT_GROUPS];
  return word.length === 1 || /^\d+$/.test(word) || verbOf(word) !== null || lists.some((list) => list.has(word));
}

function distinct(names: readonly (string | null)[]): string[] {
  return [...new Set(names.flatMap((name) => (name === null || name === '' ? [] : [name.toLowerCase()])))];
}
