/** A detectors worker: steps the sessions that are its share, raises signals, and answers for security events. Stands in no call's path. */
import { createLedger } from '@sallyport/bus/ledger.ts';
import { serve } from '@sallyport/bus/rpc.ts';
import {
  acknowledgeSecurityEvent,
  getSecurityEvent,
  listSecurityEvents,
  missionSignals,
  resolveSecurityEvent,
  resolveSecurityEvents,
} from '@sallyport/contracts/operations/security-events.ts';
import { isOutage } from '@sallyport/projections/outage.ts';
import { createProjection } from '@sallyport/projections/projection.ts';
import { createAuthenticator } from '@sallyport/service-kit/authenticate.ts';
import { readConfig } from '@sallyport/service-kit/config.ts';
import { handlers } from '@sallyport/service-kit/handler.ts';
import { serveInternal } from '@sallyport/service-kit/health.ts';
import { createResolvers } from '@sallyport/service-kit/resolve.ts';
import { openDatabase } from '@sallyport/projections/open-database.ts';
import { startProcess } from '@sallyport/service-kit/process.ts';
import { detectorsConfig } from './config.ts';
import { createPartitionStore } from './db/partitions.ts';
import { type DetectorTables, STEPS } from './db/schema.ts';
import type { Deps } from './deps.ts';
import { DETECTORS } from './framework/registry.ts';
import { acknowledgeOperation, resolveManyOperation, resolveOperation } from './operations/decide-event.ts';
import { getOperation } from './operations/get-event.ts';
import { listOperation } from './operations/list-events.ts';
import { missionSignalsOperation } from './operations/mission-signals.ts';
import { securityEventsProjection } from './projections/security-events.ts';
import { createSignals } from './signals.ts';
import { startWorker } from './worker/worker.ts';

const config = readConfig(detectorsConfig);
const service = await startProcess('detectors', config, ['signal', 'severity', 'code', 'jti', 'event']);
const { instance, log, metrics, shutdown, bus, clock } = service;
const database = await openDatabase<DetectorTables>(service, config, 'detectors', STEPS);
const events = createProjection({ ...securityEventsProjection, database, bus, holder: instance, log, metrics });
shutdown.add('projection', events.stop);
const ledger = createLedger(bus, { clock });
const store = createPartitionStore(database);
const worker = await startWorker({
  bus,
  clock,
  ledger,
  store,
  detectors: DETECTORS,
  signals: createSignals(log, metrics),
  log,
  instance,
});
shutdown.add('worker', worker.stop);

const deps: Deps = { bus, clock, ledger, database, events };
const authenticate = createAuthenticator({ ...createResolvers(bus), now: clock.now });
const reading = { now: clock.now, streamLast: ledger.streamLast };
const operations = handlers({ service: 'detectors', authenticate, log, metrics, reading })
  .on(listSecurityEvents, listOperation(deps))
  .on(getSecurityEvent, getOperation(deps))
  .on(acknowledgeSecurityEvent, acknowledgeOperation(deps))
  .on(resolveSecurityEvent, resolveOperation(deps))
  .on(resolveSecurityEvents, resolveManyOperation(deps))
  .on(missionSignals, missionSignalsOperation(deps));
const serving = serve(bus, 'detectors', operations.all(), { log, isOutage });
shutdown.add('operations', serving.stop);

const internal = await serveInternal({
  port: config.SALLYPORT_INTERNAL_PORT,
  host: config.SALLYPORT_INTERNAL_HOST,
  metrics,
  checks: {
    bus: () => (bus.nc.isClosed() ? 'closed' : 'ok'),
    projection: events.check,
    worker: worker.check,
    database: database.check,
  },
});
shutdown.add('internal', internal.close);
log.info({ port: internal.port }, 'detectors serve');
