/** The gateway: the HTTP door and the credential-injecting proxy. The only process with egress. */
import { readConfig } from '@sallyport/service-kit/config.ts';
import { serveInternal } from '@sallyport/service-kit/health.ts';
import { startProcess } from '@sallyport/service-kit/process.ts';
import { gatewayConfig } from './config.ts';
import { createOwnWrites } from './edge/own-writes.ts';
import { addEdgeRoutes } from './edge/routes.ts';
import { startGateway } from './gateway.ts';
import { addHealthRoutes, readinessChecks } from './health.ts';
import { createKnownPaths } from './http/not-found.ts';
import { addProxyRoute } from './http/proxy-route.ts';
import { trustedProxies } from './http/peer.ts';
import { createLimits } from './http/rate-limits.ts';
import { createServer } from './http/server.ts';
import { addPages } from './pages/pages.ts';
import { createSignals } from './signals.ts';

const config = readConfig(gatewayConfig);
const service = await startProcess('gateway', config);
const { instance, log, metrics, shutdown, bus, clock } = service;

const signals = createSignals(log, metrics);
const limits = createLimits({
  off: config.SALLYPORT_RATE_LIMITS === 'off',
  limits: {
    control: config.SALLYPORT_GATEWAY_CONTROL_CALLS_PER_MINUTE,
    proxy: config.SALLYPORT_GATEWAY_PROXY_CALLS_PER_MINUTE,
    issue: config.SALLYPORT_GATEWAY_ISSUES_PER_MINUTE,
    verify: config.SALLYPORT_GATEWAY_VERIFICATIONS_PER_MINUTE,
    enrolment: config.SALLYPORT_GATEWAY_ENROLMENTS_PER_HOUR,
    export: config.SALLYPORT_GATEWAY_EXPORTS_PER_MINUTE,
    sign_in: config.SALLYPORT_GATEWAY_SIGN_INS_PER_MINUTE,
  },
});
const issuer = config.PASSPORT_ISSUER ?? config.PUBLIC_URL;
const gateway = await startGateway({ bus, clock, log, signals, limits, instance, issuer });
shutdown.add('boot', gateway.stop);

const checks = readinessChecks(bus, gateway);
metrics.gauge('clock_skew_ms', 'This machine less the ledger', () => clock.skew_ms());
metrics.gauge('calls_in_flight', 'Calls upstream', () => gateway.running()?.inFlight.size() ?? 0);
metrics.gauge('response_bytes_buffered', 'Bytes of responses under way', () => gateway.running()?.room.used() ?? 0);
metrics.gauge('closings_waiting', 'Outcomes that the log did not take yet', () => gateway.running()?.records.backlog() ?? 0);
metrics.gauge('feed_position', 'Log sequence applied', () => gateway.running()?.feed.position() ?? 0);
const internal = await serveInternal({ port: config.SALLYPORT_INTERNAL_PORT, host: config.SALLYPORT_INTERNAL_HOST, checks, metrics });
shutdown.add('internal', internal.close);

const paths = createKnownPaths();
const server = createServer(signals, paths, limits, trustedProxies(config.SALLYPORT_GATEWAY_TRUSTED_PROXIES));
addHealthRoutes(server, paths, checks, config.PUBLIC_URL);
addEdgeRoutes(server, { limits, current: gateway.current, public_url: config.PUBLIC_URL, own_writes: createOwnWrites() }, paths);
addPages(server, { limits, current: gateway.current, public_url: config.PUBLIC_URL }, paths);
addProxyRoute(server, gateway.current, paths);
await server.listen({ host: config.SALLYPORT_HTTP_HOST, port: config.SALLYPORT_HTTP_PORT });
shutdown.add('http', () => server.close());
log.info({ host: config.SALLYPORT_HTTP_HOST, port: config.SALLYPORT_HTTP_PORT }, 'listening');
