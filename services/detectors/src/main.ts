/** A detectors worker: steps the sessions that are its share, raises signals, and answers for security events. Stands in no call's path. */
import { waitForStreams } from '@sallyport/bus/admin.ts';
import { createClock } from '@sallyport/bus/clock.ts';
import { connectBus } from '@sallyport/bus/connect.ts';
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
import { migrate } from '@sallyport/projections/migrate.ts';
import { isOutage } from '@sallyport/projections/outage.ts';
import { openPool } from '@sallyport/projections/open-pool.ts';
import { createProjection } from '@sallyport/projections/projection.ts';
import { createAuthenticator } from '@sallyport/service-kit/authenticate.ts';
import { readConfig } from '@sallyport/service-kit/config.ts';
import { handlers } from '@sallyport/service-kit/handler.ts';
import { serveInternal } from '@sallyport/service-kit/health.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { createMetrics } from '@sallyport/service-kit/metrics.ts';
import { createResolvers } from '@sallyport/service-kit/resolve.ts';
import { onShutdown } from '@sallyport/service-kit/shutdown.ts';
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
const instance = config.SALLYPORT_INSTANCE;
const log = createLog(instance, { level: config.SALLYPORT_LOG_LEVEL, fields: ['signal', 'severity', 'code', 'jti', 'event'] });
const metrics = createMetrics('detectors');
const shutdown = onShutdown({ log });

const bus = await connectBus({
  url: config.SALLYPORT_NATS_URL,
  user: config.SALLYPORT_NATS_USER,
  password: config.SALLYPORT_NATS_PASSWORD,
  name: instance,
  log,
});
shutdown.add('bus', bus.close);
await waitForStreams(bus);
const clock = await createClock(bus);
shutdown.add('clock', clock.stop);
const database = openPool<DetectorTables>({
  url: config.SALLYPORT_DATABASE_URL,
  password: config.SALLYPORT_DATABASE_PASSWORD,
  schema: 'detectors',
  name: instance,
  log,
});
shutdown.add('database', database.close);
await migrate(database, STEPS);
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
    database: async () => {
      await database.pool.query('select 1');
      return 'ok';
    },
  },
});
shutdown.add('internal', internal.close);
log.info({ port: internal.port }, 'detectors serve');
