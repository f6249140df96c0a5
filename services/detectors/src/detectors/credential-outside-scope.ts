/**
 * credential_outside_scope (detectors.md §2.1): use of a service, resource, host or parameter that the passport does not allow. The gateway has
 * refused the call already; this says what it meant. A granted but undeclared service is no finding here.
 */
import type { Detector, PassportFacts, Signal, Stepped } from '../framework/detector.ts';
import { type CheckpointData, checkpointData, type DenialData, denialData, issuedFacts } from '../framework/event.ts';

interface State {
  /** null: the issue was not read. */
  scope: { intent_services: readonly string[]; granted_providers: readonly string[] } | null;
  /** Distinct (path, value hash) of refused parameters; no more than it takes to be critical. */
  constraints: readonly string[];
}

interface Config {
  /** The first distinct refused parameter is a warning; this many are critical. */
  critical_constraints: number;
}

type Code = 'service' | 'resource' | 'host' | 'constraint';

const SERVICE = ['service_out_of_scope', 'service_not_granted'];
const HOST = ['host_not_bound', 'port_not_bound', 'scheme', 'userinfo', 'ip_literal', 'private_address'];

export const credentialOutsideScope: Detector<State, Config> = {
  id: 'credential_outside_scope',
  version: '1.0.0',
  key: 'passport',
  consumes: ['passport.issued', 'passport.refreshed', 'call.denied', 'checkpoint.recorded'],
  defaults: { critical_constraints: 3 },
  master: {
    needs_intent: false,
    effect: 'revoke',
    identity_codes: [],
    silent: { checkpoint_declared: ['standard'] },
    settable: ['on'],
  },
  max_state_bytes: 1_024,
  init: (passport) => ({ scope: passport && scopeOf(passport), constraints: [] }),
  step: (state, event, config) => {
    const issued = issuedFacts(event);
    // A mission may hold several passports one after another: the last one's scope is what a checkpoint is held against.
    if (issued) return { state: { ...state, scope: scopeOf(issued) }, out: [] };
    const denied = denialData(event);
    if (denied) return onDenial(state, denied, config);
    const checkpoint = checkpointData(event);
    return { state, out: checkpoint ? onCheckpoint(state, checkpoint) : [] };
  },
};

function scopeOf({ intent_services, granted_providers }: PassportFacts): State['scope'] {
  return { intent_services, granted_providers };
}

function onDenial(state: State, denied: DenialData, config: Config): Stepped<State> {
  const code = codeOf(denied);
  if (code === null) return { state, out: [] };
  if (code !== 'constraint') return { state, out: [signal(code, denied, 'critical')] };
  const { path = '', value_hash = null } = denied.failed ?? {};
  const seen = `${path} ${value_hash ?? ''}`;
  const known = state.constraints.includes(seen) || state.constraints.length >= config.critical_constraints;
  const constraints = known ? state.constraints : [...state.constraints, seen];
  const base = constraints.length >= config.critical_constraints ? 'critical' : 'warning';
  return { state: { ...state, constraints }, out: [signal(code, denied, base)] };
}

function codeOf({ code, reason, failed }: DenialData): Code | null {
  if (reason === null) return null;
  if (code === 'DESTINATION_FORBIDDEN') return HOST.includes(reason) ? 'host' : null;
  if (SERVICE.includes(reason)) return 'service';
  if (reason === 'resource_out_of_scope') return 'resource';
  if (reason !== 'constraint_failed') return null;
  const path = failed?.path ?? '';
  return path === 'method' || path.startsWith('url.') ? 'resource' : 'constraint';
}

function signal(code: Code, denied: DenialData, base: 'warning' | 'critical'): Signal {
  const { service, resource, host, failed, intent_services, granted_providers } = denied;
  return {
    kind: 'signal',
    code,
    base,
    message: messageOf(code, denied),
    metadata: {
      code,
      service,
      ...(resource !== null && { resource }),
      ...(host !== null && { host }),
      ...(failed && { failed: { path: failed.path, op: failed.op } }),
      intent_services,
      granted_providers,
      upstream_contacted: false,
    },
    once: `${code}:${subjectOf(code, denied)}`,
  };
}

/** What the once rule tells apart: the resource or host where the call named one, else the service. */
function subjectOf(code: Code, { service, resource, host }: DenialData): string {
  if (code === 'resource') return `${service}:${resource ?? ''}`;
  return code === 'host' ? (host ?? service) : service;
}

function messageOf(code: Code, { service, resource, host, failed }: DenialData): string {
  switch (code) {
    case 'service':
      return `Proxy request for ${service} not in passport scope`;
    case 'resource':
      return resource === null
        ? `Proxy request to ${service} outside the passport's constraints`
        : `Proxy request for ${resource} on ${service} not in passport scope`;
    case 'host':
      return `Proxy request to ${host ?? 'a host'} that ${service} is not bound to`;
    case 'constraint':
      return `Proxy request to ${service} broke the constraint on ${failed?.path ?? 'a parameter'}`;
  }
}

function onCheckpoint(state: State, { services_used, outside }: CheckpointData): Signal[] {
  const { intent_services, granted_providers } = state.scope ?? { intent_services: [], granted_providers: [] };
  const allowed = new Set([...intent_services, ...granted_providers]);
  const reported = state.scope ? services_used.filter((service) => !allowed.has(service)) : outside;
  return [...new Set(reported)].map((service) => ({
    kind: 'signal',
    code: 'checkpoint_declared',
    base: 'critical',
    message: `Checkpoint reports use of ${service}, which is not in passport scope`,
    metadata: { code: 'checkpoint_declared', service, intent_services, granted_providers, upstream_contacted: false },
    once: `checkpoint_declared:${service}`,
  }));
}
