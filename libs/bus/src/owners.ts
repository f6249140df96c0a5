/**
 * Who owns which kinds of aggregates and fences, and whose facts are whose (architecture, "Seven services"). From it come the permissions of the bus, and what
 * followers believe: NATS keeps a service to its own subjects, but not to its own facts on them. Pure.
 */
import type { Fact } from '@sallyport/contracts/fact.ts';
import { type ServiceName, SERVICES } from '@sallyport/contracts/operation.ts';
import { parseSubject, partitionOf, PLATFORM } from './subjects.ts';

/** Sign-in of people and their tools. */
const SIGN_IN = ['login', 'signin', 'oauth_client', 'oauth_grant', 'oauth_token', 'device'];

/** Aggregates that each service may write facts about, and the fences that it may set. */
export const OWNS: Record<ServiceName, { kinds: string[]; fences: string[] }> = {
  passports: {
    kinds: [
      'operator',
      'member',
      'key',
      'agent',
      'mission',
      'passport',
      'session',
      'grant',
      'challenge',
      'unique',
      'keyset',
      'review',
      ...SIGN_IN,
    ],
    fences: ['keyset', 'operator', 'key', 'member', 'agent', 'session', 'passport', 'mission', 'grant'],
  },
  vault: { kinds: ['connection', 'unique'], fences: ['connection'] },
  gateway: { kinds: ['export'], fences: [] },
  detectors: { kinds: ['signal'], fences: [] },
  audit: { kinds: [], fences: [] },
};

/** By the first word of fact types. Fences, idempotency records and words of a later version are not here: they say nothing that needs an owner. */
const WORDS: Partial<Record<ServiceName, string>> = {
  passports:
    'operator team member key agent ticket thumbprint grant signing_key mission passport checkpoint review login_link auth oauth refresh_token device',
  gateway: 'call assertion gateway boot audit',
  vault: 'service provider',
  detectors: 'signal security_event',
};
const OWNER_OF: ReadonlyMap<string, ServiceName> = new Map(
  SERVICES.flatMap((service) => (WORDS[service] ?? '').split(' ').map((word) => [word, service] as const)),
);

/** Does the fact stand where its owner alone can write, and on a subject of the operator that it names? One that does not counts for nothing. */
export function isRightful(subject: string, { type, operator_id }: Pick<Fact, 'type' | 'operator_id'>): boolean {
  const owner = OWNER_OF.get(type.slice(0, type.indexOf('.')));
  if (!owner) return true;
  const place = parseSubject(subject);
  switch (place?.type) {
    case 'calls':
      // Starts and ends of gateways are nobody's, and stand in every partition.
      return owner === 'gateway' && (operator_id === PLATFORM || place.partition === partitionOf(operator_id));
    case 'aggregate':
    case 'unique': {
      const kind = place.type === 'unique' ? 'unique' : place.kind;
      return (
        OWNS[owner].kinds.includes(kind) && (place.operator_id === PLATFORM ? owner === 'passports' : place.operator_id === operator_id)
      );
    }
    default:
      return false;
  }
}
