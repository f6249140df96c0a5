/** The entry of an attempt (architecture, "The entry"), from hashes that were computed with the passport's view. Pure. */
import type { AttemptEntry, Cap, Hash } from '@sallyport/admission/entry.ts';
import { approvalHash, digestHash, jwtHash, operationHash, serviceHash } from '@sallyport/admission/hashes.ts';
import type { MissionView } from '@sallyport/contracts/objects/views.ts';
import type { Identity } from './identify.ts';

export interface EntryParts {
  id: Hash;
  identity: Identity;
  connection_id: string;
  service: string;
  operation_id: string | null;
  call_digest: string;
  approval_id: string | null;
  /** The agent JWT counts once for this method. */
  single_use: boolean;
  /** Stream time, Unix ms. */
  until: number;
}

const services = new Map<string, Hash>();
const MAX_SERVICES = 10_000;

function serviceOf(slug: string): Hash {
  const known = services.get(slug);
  if (known !== undefined) return known;
  if (services.size >= MAX_SERVICES) services.clear();
  const hash = serviceHash(slug);
  services.set(slug, hash);
  return hash;
}

/** Null when the passport has no such connection. */
export function attemptEntry(parts: EntryParts): AttemptEntry | null {
  const { identity, operation_id, approval_id } = parts;
  const { hashes } = identity.known;
  const through = hashes.connections.get(parts.connection_id);
  if (!through) return null;
  return {
    kind: 'attempt',
    id: parts.id,
    operator: hashes.operator,
    ...(identity.caller !== undefined && { caller: identity.caller }),
    session: hashes.session,
    jti: hashes.jti,
    chain: hashes.chain,
    missions: hashes.missions,
    connection: through.connection,
    grant: through.grant,
    service: serviceOf(parts.service),
    ...(operation_id !== null && { operation: { id: operationHash(operation_id), digest: digestHash(parts.call_digest) } }),
    ...(approval_id !== null && { approval: approvalHash(approval_id) }),
    ...(identity.jwt && parts.single_use && { jwt: jwtHash(identity.jwt.agent_id, identity.jwt.jti) }),
    caps: capsOf(identity.known.resolved.mission, parts.service),
    until: parts.until,
    checked: identity.checked,
  };
}

const MAX_LIMIT = 0xffff_ffff;

/** Caps that count a call to this service: of its mission, then of each mission above it. */
export function capsOf(mission: MissionView, service: string): Cap[] {
  return [mission, ...mission.above].flatMap(({ caps, cap_behavior }, index) => {
    const perService = caps.max_actions_per_service;
    const cap = (kind: Cap['kind'], name: string, limit: number | undefined): Cap[] => {
      if (limit === undefined) return [];
      return [{ mission: index, kind, limit: Math.min(limit, MAX_LIMIT), behaviour: cap_behavior[name] === 'flag' ? 'flag' : 'deny' }];
    };
    return [
      ...cap('actions', 'max_actions', caps.max_actions),
      ...cap(
        'actions_per_service',
        'max_actions_per_service',
        perService && Object.hasOwn(perService, service) ? perService[service] : undefined,
      ),
    ];
  });
}
