/**
 * Delegation (api.md §6): a passport for another agent below a live one. Guarantees that the child holds nothing that its parent or its own agent lacks. What is
 * refused here for asking too much is told to the detectors by its code. Pure: ids, time and key come from the caller.
 */
import { denial, type Denial, invalid } from '@sallyport/contracts/errors.ts';
import type { ServiceScope } from '@sallyport/contracts/objects/access.ts';
import type { DelegateFields, TokenService } from '@sallyport/contracts/objects/passport.ts';
import { anchorsOf } from '@sallyport/features/anchors.ts';
import { boundResources, narrowResources } from '@sallyport/features/bound-resources.ts';
import { MAX_CONSTRAINTS } from '@sallyport/policy/constraint.ts';
import type { Access } from './access.ts';
import { expandRules, ruleText, unionConstraints } from './constraints.ts';
import { cutTo, unionGroups } from './cut.ts';
import { grantedOf, type IssueInput, type IssueOutcome, lifeSeconds, missingIntent, rank } from './issue.ts';
import { notGranted } from './narrowing.ts';
import type { Issued } from './passport.ts';
import { nameOf, readWanted } from './wanted.ts';

export const MAX_DEPTH = 4;

export interface DelegateInput extends Omit<IssueInput, 'fields' | 'session_id' | 'mission'> {
  /** The parent's passport that is live now. */
  parent: Issued;
  /** The mission that is opened for the child, and when it ends. */
  mission: { mission_id: string; expires_at_ms: number };
  fields: DelegateFields;
}

export function decideDelegation(input: DelegateInput): IssueOutcome {
  const { agent, parent, fields, now_ms, mission } = input;
  const depth = parent.depth + 1;
  if (depth > MAX_DEPTH)
    return refuse(denial('DELEGATION_DEPTH_EXCEEDED', `A passport is delegated at most ${MAX_DEPTH} times.`, { depth }));
  const mode = agent.accountability_mode;
  if (rank(mode) < rank(parent.mode)) {
    const message = `A passport in ${parent.mode} mode cannot be delegated to an agent in ${mode} mode.`;
    return refuse(denial('DELEGATION_ACCOUNTABILITY_VIOLATION', message, { parent: parent.mode, child: mode }));
  }
  const { scopes: _scopes, ...rest } = fields;
  const read = readWanted({ ...rest, checkpoint_interval_seconds: fields.checkpoint_interval_seconds ?? parent.checkpoint_interval });
  if (!read.ok) return read;
  const { wanted } = read;
  const summary = wanted.summary || parent.intent_summary;
  if (mode !== 'standard' && summary === '') return refuse(missingIntent(mode));
  const intent_services = wanted.intent_services ?? parent.intent_services;
  const known = [...parent.intent_services, ...parent.services.map(({ service_name }) => service_name)];
  const beyond = known.length > 0 ? intent_services.filter((slug) => !known.includes(slug)) : [];
  if (beyond.length > 0) return refuse(escalation(`The parent does not name ${beyond.join(', ').slice(0, 200)}.`));

  const narrowed = narrowParent(parent, fields.scopes ?? null, input.access);
  if (!narrowed.ok) return narrowed;
  const anchors = agent.bind_resources === 'auto' ? anchorsOf(wanted.summary) : null;
  const services = narrowed.services.map((service) => ({
    ...service,
    resources: [...narrowResources(service.resources, anchors ? boundResources(service.service_name, anchors) : [])],
  }));
  return {
    ok: true,
    issued: {
      jti: input.jti,
      line: input.jti,
      agent_id: agent.id,
      agent_name: agent.name,
      session_id: parent.session_id,
      mission_id: mission.mission_id,
      mode,
      cnf_jkt: agent.key_thumbprint,
      services,
      intent_summary: summary,
      intent_services,
      parents: [{ jti: parent.jti, line: parent.line, agent_id: parent.agent_id, mission_id: parent.mission_id }, ...parent.parents],
      depth,
      issued_at_ms: now_ms,
      ttl_seconds: wanted.ttl_seconds,
      checkpoint_interval: wanted.checkpoint_interval,
      // Its own life; what its parents allow is asked each time (`lifeOf`), because their checkpoints move it.
      expires_at_ms: Math.min(now_ms + lifeSeconds(wanted, mode) * 1000, mission.expires_at_ms),
      deadline_ms: mission.expires_at_ms,
      kid: input.kid,
      issuer: input.issuer,
      summary,
      granted: grantedOf(services),
      will_delegate: wanted.will_delegate,
      estimated_duration_seconds: wanted.estimated_duration_seconds,
      parent_passport_id: parent.jti,
      limits: {},
      detector_set: null,
      issued_by: input.issued_by,
    },
  };
}

type Narrowed = { ok: true; services: TokenService[] } | { ok: false; denial: Denial };

/** Null: all of the parent's. */
function narrowParent(parent: Issued, asked: ServiceScope[] | null, access: readonly Access[]): Narrowed {
  const services: TokenService[] = [];
  const lost: string[] = [];
  const entries: { entry: ServiceScope | null; service: TokenService; at: string }[] = [];
  if (asked === null) entries.push(...parent.services.map((service) => ({ entry: null, service, at: 'scopes' })));
  for (const [index, entry] of (asked ?? []).entries()) {
    const at = `scopes.${index}`;
    const name = nameOf(entry);
    if (name === '') return refuse(invalid([{ path: `${at}.service_connection_id`, rule: 'required' }]));
    const named = parent.services.filter(
      (one) => one.connection_id === name || (!entry.service_connection_id && one.service_name === name),
    );
    const [service] = named;
    if (!service) return refuse(escalation(`The parent does not hold ${name.slice(0, 64)}.`, name.slice(0, 64)));
    if (named.length > 1) return refuse(invalid([{ path: `${at}.service`, rule: 'ambiguous' }]));
    if (entries.some((one) => one.service === service)) return refuse(invalid([{ path: at, rule: 'duplicate' }]));
    entries.push({ entry, service, at });
  }
  for (const { entry, service, at } of entries) {
    const own = entry ? narrowService(service, entry, at) : { ok: true as const, service };
    if (!own.ok) return own;
    const made = cutTo(
      own.service,
      access.find(({ connection }) => connection.id === service.connection_id),
      `${at}.constraints`,
    );
    if (!made.ok) return made;
    if (made.service) services.push(made.service);
    else lost.push(service.service_name);
  }
  return services.length === 0 && lost.length > 0 ? refuse(notGranted([...new Set(lost)])) : { ok: true, services };
}

function narrowService(
  parent: TokenService,
  entry: ServiceScope,
  at: string,
): { ok: true; service: TokenService } | { ok: false; denial: Denial } {
  const provider = parent.service_name;
  const scopes = entry.scopes ?? parent.scopes;
  const beyond = scopes.filter((scope) => !parent.scopes.includes(scope));
  if (beyond.length > 0) return refuse(escalation(`The parent does not hold ${beyond.join(', ').slice(0, 200)} on ${provider}.`, provider));
  const held = parent.constraints ?? [];
  if (entry.constraints) {
    const sent = new Set(entry.constraints.map(ruleText));
    if (held.some((rule) => !sent.has(ruleText(rule))))
      return refuse(escalation(`A rule of the parent on ${provider} is missing.`, provider));
  }
  // The parent's own may be more than a rule's limit where the connection has some too: only what is added is checked as written here.
  const added = withoutHeld(entry.constraints ?? [], held);
  const expanded = expandRules({ ...entry, constraints: added, any_of: withoutHeldSets(entry.any_of ?? [], parent) }, provider, `${at}.`);
  if (!expanded.ok) return expanded;
  const constraints = unionConstraints(held, expanded.value.constraints);
  if (expanded.value.constraints.length > MAX_CONSTRAINTS) return refuse(invalid([{ path: `${at}.constraints`, rule: 'max_items' }]));
  const flows = entry.allow_data_from ?? parent.allow_data_from;
  const wider = parent.allow_data_from ? (flows ?? []).filter((slug) => !parent.allow_data_from?.includes(slug)) : [];
  if (wider.length > 0) return refuse(escalation(`${provider} may not take data from ${wider.join(', ').slice(0, 200)}.`, provider));
  const { constraints: _constraints, allow_data_from: _flows, ...rest } = parent;
  return {
    ok: true,
    service: {
      ...rest,
      scopes: [...scopes],
      ...(constraints.length > 0 && { constraints }),
      any_of: expanded.value.any_of.length > 0 ? unionGroups(parent.any_of, [expanded.value.any_of]) : parent.any_of,
      ...(flows && { allow_data_from: [...flows] }),
    },
  };
}

function withoutHeld<T>(rules: readonly T[], held: readonly T[]): T[] {
  const known = new Set(held.map(ruleText));
  return rules.filter((rule) => !known.has(ruleText(rule)));
}

/** A group of the parent that was sent again is no group of the child's own. */
function withoutHeldSets<T>(sets: T[], parent: { any_of: readonly unknown[] }): T[] {
  return parent.any_of.some((group) => ruleText(group) === ruleText(sets)) ? [] : sets;
}

/** How much of the parent's scope the child holds: of its scopes, or of its services where those have none. */
export function scopeShare(parent: readonly TokenService[], child: readonly TokenService[]): number {
  const count = (services: readonly TokenService[]): number => services.reduce((sum, { scopes }) => sum + Math.max(1, scopes.length), 0);
  return count(parent) === 0 ? 1 : count(child) / count(parent);
}

function escalation(message: string, service?: string): Denial {
  return denial('SCOPE_ESCALATION', message, service === undefined ? undefined : { service });
}

function refuse(refusal: Denial): { ok: false; denial: Denial } {
  return { ok: false, denial: refusal };
}
