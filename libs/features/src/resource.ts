/**
 * Which resource a call addresses, by the grammar of its service (detectors.md §1.4): a repository, a channel, a project, recipients.
 *
 * Names are lower case, because providers take them in any case. Ids that the connection has not learnt a name for stay unresolved.
 */
import { recipientsOf } from './recipients.ts';
import { decoded, type FeatureView, type Json, member, members, segmentsOf } from './view.ts';

export type ResourceKind = 'repo' | 'channel' | 'project' | 'recipient';

export type Addressed = {
  readonly kind: ResourceKind;
  readonly names: readonly string[];
  /** True when the call also addresses something by an id without a known name. */
  readonly unresolved: boolean;
};

/** The name of a provider's id, learnt from list and get responses of the connection; null when unknown. */
export type ResolveId = (id: string) => string | null;

const KINDS: { readonly [service: string]: ResourceKind } = {
  github: 'repo',
  gitlab: 'repo',
  bitbucket: 'repo',
  slack: 'channel',
  discord: 'channel',
  ms_teams: 'channel',
  jira: 'project',
  linear: 'project',
  gmail: 'recipient',
  outlook: 'recipient',
  resend: 'recipient',
  sendgrid: 'recipient',
  brevo: 'recipient',
};

/** The kind of resource that calls to a service address, or null for a service without a grammar. */
export function resourceKindOf(service: string): ResourceKind | null {
  return Object.hasOwn(KINDS, service) ? (KINDS[service] ?? null) : null;
}

/** All that a call addresses, or null when it addresses nothing of its service's kind (`GET /user`). */
export function addressedBy(service: string, view: FeatureView, resolveId: ResolveId = () => null): Addressed | null {
  const kind = resourceKindOf(service);
  const found = kind === null ? [] : FINDERS[kind](view);
  if (kind === null || found.length === 0) return null;
  const names = new Set<string>();
  let unresolved = false;
  for (const item of found) {
    const name = 'name' in item ? item.name : resolveId(item.id);
    if (name === null) unresolved = true;
    else names.add(name.toLowerCase());
  }
  return { kind, names: [...names], unresolved };
}

/** The one addressed resource; null when there is none, several, or one that is only known by its id. */
export function resourceOf(service: string, view: FeatureView, resolveId?: ResolveId): string | null {
  const addressed = addressedBy(service, view, resolveId);
  return addressed !== null && !addressed.unresolved && addressed.names.length === 1 ? (addressed.names[0] ?? null) : null;
}

type Found = { readonly name: string } | { readonly id: string };

const FINDERS: { readonly [kind in ResourceKind]: (view: FeatureView) => Found[] } = {
  repo: repositories,
  channel: channels,
  project: projects,
  recipient: (view) => recipientsOf(view).map((name) => ({ name })),
};

/** Where a repository stands in a path: the index of its first segment and how many segments name it. */
export function repositorySpan(segments: readonly string[]): { readonly at: number; readonly length: 1 | 2 } | null {
  const at = segments.slice(0, 3).findIndex((segment) => ['repos', 'repositories', 'projects'].includes(segment.toLowerCase()));
  const first = segments[at + 1];
  if (at === -1 || first === undefined) return null;
  // GitLab writes owner and name as one escaped segment, GitHub and GitLab take an id as one.
  const single = segments[at]?.toLowerCase() === 'projects' || /^\d+$/.test(first);
  if (single) return { at: at + 1, length: 1 };
  return segments[at + 2] === undefined ? null : { at: at + 1, length: 2 };
}

function repositories(view: FeatureView): Found[] {
  const segments = segmentsOf(view.pathname).map(decoded);
  const span = repositorySpan(segments);
  if (span !== null) {
    const name = segments.slice(span.at, span.at + span.length).join('/');
    return [name.includes('/') ? { name } : { id: name }];
  }
  if (segments[0]?.toLowerCase() !== 'search') return [];
  const qualifiers = view.query
    .filter(([name]) => name === 'q')
    .flatMap(([, text]) => [...text.matchAll(/(?<![\w-])repo:"?([\w.-]+\/[\w.-]+)/gi)]);
  return qualifiers.flatMap(([, name]) => (name === undefined ? [] : [{ name }]));
}

const CHANNEL_KEYS: readonly string[] = ['channel', 'channel_id', 'channels', 'channel_ids'];
const CHANNEL_ID = /^(?:[CDGUW][A-Z0-9]{7,}|\d{15,20}|19:.+@thread\..+)$/;

function channels(view: FeatureView): Found[] {
  const segments = segmentsOf(view.pathname).map(decoded);
  const at = segments.findIndex((segment) => segment.toLowerCase() === 'channels');
  const inPath = at === -1 ? undefined : segments[at + 1];
  const inQuery = view.query.filter(([name]) => CHANNEL_KEYS.includes(name)).map(([, value]) => value);
  const inBody = CHANNEL_KEYS.flatMap((key) => texts(member(view.body, key)));
  return [...(inPath === undefined ? [] : [inPath]), ...inQuery, ...inBody]
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '')
    .map((value) => (CHANNEL_ID.test(value) ? { id: value } : { name: value.replace(/^#/, '') }));
}

const ISSUE_KEY = /^([A-Za-z][A-Za-z0-9]{1,9})-\d+$/;

function projects(view: FeatureView): Found[] {
  const found: Found[] = [];
  const segments = segmentsOf(view.pathname).map(decoded);
  for (const [index, segment] of segments.entries()) {
    const key = ISSUE_KEY.exec(segment)?.[1];
    const before = segments[index - 1]?.toLowerCase();
    if (key !== undefined) found.push({ name: key });
    else if (before === 'project') found.push(/^\d+$/.test(segment) ? { id: segment } : { name: segment });
    else if (before === 'issue' && /^\d+$/.test(segment)) found.push({ id: segment });
  }
  const project = member(member(view.body, 'fields'), 'project');
  for (const key of texts(member(project, 'key'))) found.push({ name: key });
  for (const id of texts(member(project, 'id'))) found.push({ id });
  for (const [key, value] of members(member(view.body, 'variables'))) {
    if (typeof value !== 'string') continue;
    const issue = key === 'id' || key === 'issueId' ? ISSUE_KEY.exec(value)?.[1] : undefined;
    if (issue !== undefined) found.push({ name: issue });
    else if (key === 'teamId') found.push({ id: value });
  }
  return found;
}

function texts(value: Json | undefined): string[] {
  const items = Array.isArray(value) ? value : [value];
  return items.filter((item) => typeof item === 'string');
}
