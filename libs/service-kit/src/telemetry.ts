/**
 * Traces, loaded by `node --import @sallyport/service-kit/telemetry.ts` ahead of the service. Nothing is loaded unless an OTLP endpoint is configured:
 * start-up counts. Spans carry no headers and no bodies; SQL without its parameters.
 */
const wanted =
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] || process.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || process.env['OTEL_TRACES_EXPORTER'];

if (wanted && wanted !== 'none' && process.env['OTEL_SDK_DISABLED'] !== 'true') {
  process.env['OTEL_SERVICE_NAME'] ??= process.env['SALLYPORT_INSTANCE'] ?? 'sallyport';
  const [{ NodeSDK }, { HttpInstrumentation }, { PgInstrumentation }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/instrumentation-http'),
    import('@opentelemetry/instrumentation-pg'),
  ]);
  const instrumentations = [new HttpInstrumentation(), new PgInstrumentation({ requireParentSpan: true })];
  const sdk = new NodeSDK({ instrumentations });
  sdk.start();
  process.once('SIGTERM', () => void sdk.shutdown().catch(() => undefined));
}

export {};
