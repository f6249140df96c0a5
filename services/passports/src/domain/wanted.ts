/**
 * What an issue asks for, with its aliases brought into one form (api.md §6, "Aliases"): two forms that disagree are refused, because
 * guessing which one was meant could widen a passport. Pure.
 */
import { type Denial, invalid } from '@sallyport/contracts/errors.ts';
import type { NamedIntentReference, ServiceScope } from '@sallyport/contracts/objects/access.ts';
import type { Mode } from '@sallyport/contracts/objects/agent.ts';
import { CHECKPOINT_PRESETS, type IssueFields } from '@sallyport/contracts/objects/passport.ts';

export interface Wanted {
  ttl_seconds: number;
  checkpoint_interval: number;
  mode: Mode | null;
  /** Empty: the mission's. */
  summary: string;
  /** Null: the mission's. */
  intent_services: string[] | null;
  will_delegate: boolean;
  estimated_duration_seconds: number | null;
  /** Slugs or connection ids that the passport is narrowed to; null: not narrowed. */
  services: string[] | null;
  /** One entry per service; null: all that is granted. */
  scopes: ServiceScope[] | null;
  /** Intersected with every service; null: not given. */
  flat_scopes: string[] | null;
  intents: NamedIntentReference[];
}

export type Read = { ok: true; wanted: Wanted } | { ok: false; denial: Denial };

const DEFAULT_TTL_SECONDS = 900;

export function readWanted(body: IssueFields): Read {
  const intent = typeof body.intent === 'string' ? { summary: body.intent } : (body.intent ?? {});
  const summaries = [intent.summary, body.intent_description].filter((text) => text !== undefined && text !== null && text !== '');
  if (new Set(summaries).size > 1) return disagree('intent_description');
  const declared = 'services' in intent ? intent.services : null;
  if (declared && body.intent_services && !sameSet(declared, body.intent_services)) return disagree('intent_services');

  const scopes = (body.scopes ?? []).filter((entry) => typeof entry !== 'string');
  const flat = (body.scopes ?? []).filter((entry) => typeof entry === 'string');
  if (scopes.length > 0 && flat.length > 0) return disagree('scopes');
  const named = (body.services ?? []).filter((entry) => typeof entry === 'string');
  const entries = (body.services ?? []).filter((entry) => typeof entry !== 'string');
  const all = [...scopes, ...entries];
  for (const [index, entry] of all.entries()) {
    if (!entry.service_connection_id && !entry.service) return refuse(`scopes.${index}.service_connection_id`, 'required');
  }

  const checkpoint_interval = intervalOf(body.checkpoint_interval_seconds);
  if (checkpoint_interval === null) return refuse('checkpoint_interval_seconds', 'range');

  const slugs = named.filter((name) => !name.startsWith('scon_'));
  // An empty list of the published client means that nothing was declared.
  const intentServices = nonEmpty(declared) ?? nonEmpty(body.intent_services) ?? nonEmpty(slugs);
  return {
    ok: true,
    wanted: {
      ttl_seconds: body.ttl_seconds ?? DEFAULT_TTL_SECONDS,
      checkpoint_interval,
      mode: body.accountability_mode ?? null,
      summary: summaries[0] ?? '',
      intent_services: intentServices && [...new Set(intentServices)],
      will_delegate: ('will_delegate' in intent ? intent.will_delegate : null) ?? false,
      estimated_duration_seconds: ('estimated_duration_seconds' in intent ? intent.estimated_duration_seconds : null) ?? null,
      services: named.length > 0 ? [...new Set([...named, ...entries.map(nameOf)])] : null,
      scopes: all.length > 0 ? all : null,
      flat_scopes: flat.length > 0 ? flat : null,
      intents: body.intents ?? [],
    },
  };
}

/** Connection id or slug of a scope entry. */
export function nameOf(entry: ServiceScope): string {
  return entry.service_connection_id ?? entry.service ?? '';
}

const UNITS = { s: 1, m: 60, h: 3600 } as const;
const [MIN_INTERVAL, MAX_INTERVAL] = [60, 3600];

/** Seconds, a preset, or `5m`; null: out of range (detectors.md 5.2). */
export function intervalOf(given: IssueFields['checkpoint_interval_seconds']): number | null {
  if (typeof given !== 'string') return given ?? CHECKPOINT_PRESETS.standard;
  if (isPreset(given)) return CHECKPOINT_PRESETS[given];
  const [, count = '', unit = 's'] = /^(\d+)([smh])$/.exec(given) ?? [];
  const seconds = Number(count) * (unit === 'm' || unit === 'h' ? UNITS[unit] : 1);
  return seconds >= MIN_INTERVAL && seconds <= MAX_INTERVAL ? seconds : null;
}

function isPreset(given: string): given is keyof typeof CHECKPOINT_PRESETS {
  return Object.hasOwn(CHECKPOINT_PRESETS, given);
}

function nonEmpty(list: string[] | null | undefined): string[] | null {
  return list && list.length > 0 ? list : null;
}

function sameSet(a: string[], b: string[]): boolean {
  return a.length === 0 || b.length === 0 || (a.every((one) => b.includes(one)) && b.every((one) => a.includes(one)));
}

function disagree(path: string): Read {
  return refuse(path, 'disagrees');
}

function refuse(path: string, rule: string): Read {
  return { ok: false, denial: invalid([{ path, rule }]) };
}
