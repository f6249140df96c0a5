/** The vault: connections and their credentials. The only process that can unwrap a stored key; it has no way out but the bus. */
import { createLedger } from '@sallyport/bus/ledger.ts';
import { serve } from '@sallyport/bus/rpc.ts';
import {
  connectService,
  credentialOpen,
  detectorKeyOpen,
  disconnectService,
  getConnection,
  listConnections,
  listServices,
  listTemplates,
  replaceCredential,
  updateConnection,
} from '@sallyport/contracts/operations/services.ts';
import { vaultSealKey } from '@sallyport/contracts/operations/operator.ts';
import { isOutage } from '@sallyport/projections/outage.ts';
import { createProjection } from '@sallyport/projections/projection.ts';
import { createAuthenticator } from '@sallyport/service-kit/authenticate.ts';
import { readConfig } from '@sallyport/service-kit/config.ts';
import { handlers } from '@sallyport/service-kit/handler.ts';
import { serveInternal } from '@sallyport/service-kit/health.ts';
import { createResolvers } from '@sallyport/service-kit/resolve.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import { createSecretFields } from '@sallyport/service-kit/secret-fields.ts';
import { openDatabase } from '@sallyport/projections/open-database.ts';
import { startProcess } from '@sallyport/service-kit/process.ts';
import { createBootKeys } from './boot-keys.ts';
import { vaultConfig } from './config.ts';
import { STEPS, type VaultTables } from './db/schema.ts';
import { openSecretStore } from './db/secrets.ts';
import type { Deps } from './deps.ts';
import { servicesOperation, templatesOperation } from './operations/catalogue.ts';
import { connectOperation } from './operations/connect-service.ts';
import { disconnectOperation } from './operations/disconnect-service.ts';
import { getOperation } from './operations/get-connection.ts';
import { listOperation } from './operations/list-connections.ts';
import { openCredentialOperation } from './operations/open-credential.ts';
import { openDetectorKeyOperation } from './operations/open-detector-key.ts';
import { replaceOperation, updateOperation } from './operations/update-connection.ts';
import { createPassports } from './passports.ts';
import { connectionsProjection } from './projections/connections.ts';
import { createSealing } from './sealing.ts';
import { masterKey } from './secrets/master-key.ts';
import { createSignals } from './signals.ts';

const config = readConfig(vaultConfig);
const key = await masterKey(config.SALLYPORT_SECRETS_DIR);
const service = await startProcess('vault', config);
const { instance, log, metrics, shutdown, bus, clock } = service;
const database = await openDatabase<VaultTables>(service, config, 'vault', STEPS);
const connections = createProjection({ ...connectionsProjection, database, bus, holder: instance, log, metrics });
shutdown.add('projection', connections.stop);

const deps: Deps = {
  bus,
  clock,
  ledger: createLedger(bus, { clock }),
  database,
  secrets: await openSecretStore(database, key),
  connections,
  bootKeys: createBootKeys(bus),
  passports: createPassports(bus),
  signals: createSignals(log, metrics),
};
const authenticate = createAuthenticator({ ...createResolvers(bus), now: clock.now });
const secrets = await createSecretFields(config.SALLYPORT_SECRETS_DIR);
const reading = { now: clock.now, streamLast: deps.ledger.streamLast };
const operations = handlers({ service: 'vault', authenticate, log, metrics, sealing: createSealing(key), secrets, reading })
  .on(vaultSealKey, async ({ operation }) => success(operation, { key: secrets.public_jwk }))
  .on(listServices, servicesOperation(deps))
  .on(listTemplates, templatesOperation(deps))
  .on(listConnections, listOperation(deps))
  .on(getConnection, getOperation(deps))
  .on(connectService, connectOperation(deps))
  .on(updateConnection, updateOperation(deps))
  .on(replaceCredential, replaceOperation(deps))
  .on(disconnectService, disconnectOperation(deps))
  .on(credentialOpen, openCredentialOperation(deps, config.PASSPORT_ISSUER ?? config.PUBLIC_URL))
  .on(detectorKeyOpen, openDetectorKeyOperation(deps));
const serving = serve(bus, 'vault', operations.all(), { log, isOutage });
shutdown.add('operations', serving.stop);

const internal = await serveInternal({
  port: config.SALLYPORT_INTERNAL_PORT,
  host: config.SALLYPORT_INTERNAL_HOST,
  metrics,
  checks: {
    bus: () => (bus.nc.isClosed() ? 'closed' : 'ok'),
    projection: connections.check,
    database: database.check,
  },
});
shutdown.add('internal', internal.close);
log.info({ port: internal.port }, 'vault serves');
