/**
 * Traces, loaded by `node --import @sallyport/service-kit/telemetry.ts` ahead of the service. Nothing is loaded unless an exporter is configured by the
 * standard OTEL_* variables: start-up counts. Spans carry no headers, bodies or query strings, and SQL without its parameters. Outgoing requests are not
 * touched: trace context goes upstream only where a connection says so (api.md §1.4).
 */
import { register } from 'node:module';

const { env } = process;
const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'];
const exporter = env['OTEL_TRACES_EXPORTER'] || (endpoint ? 'otlp' : 'none');

let flush: () => Promise<void> = async () => undefined;

if (exporter !== 'none' && env['OTEL_SDK_DISABLED'] !== 'true') {
  env['OTEL_SERVICE_NAME'] ??= env['SALLYPORT_INSTANCE'] ?? 'sallyport';
  // Metrics are scraped and logs are collected from the output: neither is sent from here unless asked for.
  env['OTEL_METRICS_EXPORTER'] ??= 'none';
  env['OTEL_LOGS_EXPORTER'] ??= 'none';
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
  const [{ NodeSDK }, { HttpInstrumentation }, { PgInstrumentation }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/instrumentation-http'),
    import('@opentelemetry/instrumentation-pg'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const instrumentations = [
    new HttpInstrumentation({ disableOutgoingRequestInstrumentation: true, startIncomingSpanHook: () => ({ 'url.query': '' }) }),
    new PgInstrumentation({ requireParentSpan: true, enhancedDatabaseReporting: false }),
  ];
  const sdk = new NodeSDK({ instrumentations, ...(exporter === 'otlp' && { traceExporter: new OTLPTraceExporter() }) });
  sdk.start();
  flush = () => sdk.shutdown();
}

const FLUSH_MS = 500;

/** Sends what is left, for half a second at most: a collector that is gone must not make an orderly end a failure. */
export async function endTelemetry(): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, FLUSH_MS);
  await Promise.race([flush(), late.promise]);
  clearTimeout(timer);
}
