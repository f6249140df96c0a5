/**
 * One NATS user per service, one administrator of the bus and one of the host: exactly the subjects that each needs (architecture, "The bus"). No service can
 * make, change, purge or delete a stream or a message, nor list or delete anybody's consumers: its own vanish when nobody listens. Consumers' names are random, hence not
 * guessable. What is not separated here: reading the ledger, which holds neither secrets nor bodies.
 */
import { type Asker, type Operation, operations, SERVICES, type ServiceName } from '@sallyport/contracts/operation.ts';
import '@sallyport/contracts/operations.ts';
import { LEASES, TIMERS } from './admin.ts';
import { LEDGER } from './api.ts';
import { inboxPrefix } from './connect.ts';
import { heardSubject, lateSubject } from './late.ts';
import { OWNS } from './owners.ts';
import { operationSubject, PLATFORM } from './subjects.ts';
import { TIMER_KINDS } from './timers.ts';

export const ADMIN_USER = 'admin';
/** The administrator on the host, who asks operations and does nothing else. */
export const HOST_USER = 'host';

export interface NatsUser {
  name: string;
  permissions: {
    publish: { allow: string[]; deny?: string[] };
    subscribe: { allow: string[] };
  };
}

/** Further subjects of single services. */
const MORE: Record<ServiceName, { publish: string[]; subscribe: string[]; deny?: string[] }> = {
  passports: { publish: ['cut.*', 'stack.revoked.*', ...TIMER_KINDS.passports.flatMap(timerSubjects)], subscribe: ['ack.*'] },
  // Keys, tickets and thumbprints are the platform's unique things; vault's own and its idempotency records are an operator's.
  vault: { publish: ['cut.*'], subscribe: ['ack.*'], deny: [`ledger.*.${PLATFORM}.unique.*`] },
  gateway: { publish: ['ledger.*.calls.*', 'ack.*'], subscribe: ['cut.*', 'det.pos.*'] },
  detectors: { publish: ['det.pos.*', 'det.query.*'], subscribe: ['det.query.*'] },
  audit: { publish: [], subscribe: [] },
};

function timerSubjects(kind: string): string[] {
  const consumer = `due_${kind}`;
  return [
    `timers.${kind}.*`,
    `$JS.API.CONSUMER.CREATE.${TIMERS}.${consumer}.due.${kind}.*`,
    `$JS.API.CONSUMER.MSG.NEXT.${TIMERS}.${consumer}`,
    `$JS.ACK.${TIMERS}.${consumer}.>`,
  ];
}

function mayAsk(asker: Asker, operation: Operation): boolean {
  if (operation.owner === asker) return false;
  return (asker === 'gateway' && operation.http !== undefined) || (operation.asked_by?.includes(asker) ?? false);
}

/** Subjects of questions, of the credit that their long answers take, and of saying that an answer was heard. */
function asking(asker: Asker): string[] {
  const asked = operations().filter((operation) => mayAsk(asker, operation));
  return [
    ...asked.map((operation) => operationSubject(operation.owner, operation.name)),
    ...new Set(asked.flatMap(({ owner }) => [`credit.${owner}.*`, heardSubject(owner, '*.*')])),
  ];
}

function serviceUser(service: ServiceName): NatsUser {
  const served = operations().filter((operation) => operation.owner === service);
  const owns = OWNS[service];
  const publish = [
    ...owns.kinds.map((kind) => `ledger.*.*.${kind}.*`),
    ...owns.fences.map((kind) => `ledger.*.*.fence.${kind}.*`),
    ...asking(service),
    ...(served.length > 0 ? [lateSubject(service, '*.*.*')] : []),
    `$KV.leases.${service}.>`,
    `$JS.API.STREAM.INFO.${LEDGER}`,
    `$JS.API.STREAM.INFO.${LEASES}`,
    `$JS.API.STREAM.MSG.GET.${LEDGER}`,
    `$JS.API.STREAM.MSG.GET.${LEASES}`,
    `$JS.API.CONSUMER.CREATE.${LEDGER}.*`,
    `$JS.API.CONSUMER.CREATE.${LEDGER}.*.ledger.>`,
    `$JS.FC.${LEDGER}.>`,
    ...MORE[service].publish,
  ];
  const subscribe = [
    `${inboxPrefix(service)}.>`,
    ...served.map((operation) => operationSubject(service, operation.name)),
    ...(served.length > 0 ? [`credit.${service}.*`, heardSubject(service, '*.*')] : []),
    lateSubject('*', `${service}.*.*`),
    ...MORE[service].subscribe,
  ];
  const { deny } = MORE[service];
  return {
    name: service,
    permissions: { publish: { allow: publish, ...(deny && { deny }) }, subscribe: { allow: subscribe } },
  };
}

function hostUser(): NatsUser {
  return {
    name: HOST_USER,
    permissions: {
      publish: { allow: asking(HOST_USER) },
      subscribe: { allow: [`${inboxPrefix(HOST_USER)}.>`, lateSubject('*', `${HOST_USER}.*.*`)] },
    },
  };
}

export function natsUsers(): NatsUser[] {
  const admin: NatsUser = {
    name: ADMIN_USER,
    permissions: { publish: { allow: ['$JS.API.>'] }, subscribe: { allow: [`${inboxPrefix(ADMIN_USER)}.>`] } },
  };
  return [admin, hostUser(), ...SERVICES.map(serviceUser)];
}
