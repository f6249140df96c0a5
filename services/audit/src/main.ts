/** The audit service: the log, projected to one hash chain per operator. It writes no facts; rows come from the log alone. */
import { createLedger } from '@sallyport/bus/ledger.ts';
import { serve } from '@sallyport/bus/rpc.ts';
import { auditTrail, chainHead, exportAudit, listAudit, verifyChain } from '@sallyport/contracts/operations/audit.ts';
import { missionOperations, openAttempts } from '@sallyport/contracts/operations/call-log.ts';
import { isOutage } from '@sallyport/projections/outage.ts';
import { createProjection } from '@sallyport/projections/projection.ts';
import { createAuthenticator } from '@sallyport/service-kit/authenticate.ts';
import { readConfig } from '@sallyport/service-kit/config.ts';
import { handlers } from '@sallyport/service-kit/handler.ts';
import { serveInternal } from '@sallyport/service-kit/health.ts';
import { createResolvers } from '@sallyport/service-kit/resolve.ts';
import { openDatabase } from '@sallyport/projections/open-database.ts';
import { startProcess } from '@sallyport/service-kit/process.ts';
import { auditConfig } from './config.ts';
import { type AuditTables, STEPS } from './db/schema.ts';
import type { Deps } from './deps.ts';
import { auditTrailOperation } from './operations/audit-trail.ts';
import { chainHeadOperation } from './operations/chain-head.ts';
import { exportOperation } from './operations/export-audit.ts';
import { listOperation } from './operations/list-audit.ts';
import { missionOperationsOperation } from './operations/mission-operations.ts';
import { openAttemptsOperation } from './operations/open-attempts.ts';
import { verifyOperation } from './operations/verify-chain.ts';
import { callsProjection } from './projections/calls.ts';
import { rowsProjection } from './projections/rows.ts';

const config = readConfig(auditConfig);
const service = await startProcess('audit', config);
const { instance, log, metrics, shutdown, bus, clock } = service;
const database = await openDatabase<AuditTables>(service, config, 'audit', STEPS);
const rows = createProjection({ ...rowsProjection, database, bus, holder: instance, log, metrics });
shutdown.add('projection', rows.stop);
const calls = createProjection({ ...callsProjection(bus), database, bus, holder: instance, log, metrics });
shutdown.add('calls', calls.stop);

const deps: Deps = { database, rows, calls };
const authenticate = createAuthenticator({ ...createResolvers(bus), now: clock.now });
const { streamLast } = createLedger(bus, { clock });
const operations = handlers({ service: 'audit', authenticate, log, metrics, reading: { now: clock.now, streamLast } })
  .on(listAudit, listOperation(deps))
  .on(exportAudit, exportOperation(deps))
  .on(verifyChain, verifyOperation(deps))
  .on(chainHead, chainHeadOperation(deps))
  .on(auditTrail, auditTrailOperation(deps))
  .on(missionOperations, missionOperationsOperation(deps))
  .on(openAttempts, openAttemptsOperation(deps));
const serving = serve(bus, 'audit', operations.all(), { log, isOutage });
shutdown.add('operations', serving.stop);

const internal = await serveInternal({
  port: config.SALLYPORT_INTERNAL_PORT,
  host: config.SALLYPORT_INTERNAL_HOST,
  metrics,
  checks: {
    bus: () => (bus.nc.isClosed() ? 'closed' : 'ok'),
    projection: rows.check,
    calls: calls.check,
    database: database.check,
  },
  details: () => ({ stopped_chains: rows.stopped(), stopped_calls: calls.stopped() }),
});
shutdown.add('internal', internal.close);
log.info({ port: internal.port }, 'audit serves');
