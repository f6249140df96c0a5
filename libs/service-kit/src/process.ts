/** What every service process opens first: its log, its metrics, its orderly end, the bus with the platform's streams, the ledger's clock. */
import { waitForStreams } from '@sallyport/bus/admin.ts';
import { type Clock, createClock } from '@sallyport/bus/clock.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { onShutdown, type Shutdown } from './shutdown.ts';

export interface ServiceProcess {
  /** Name of this process among its like. */
  instance: string;
  log: Log;
  metrics: Metrics;
  shutdown: Shutdown;
  bus: Bus;
  clock: Clock;
}

interface BusSettings {
  SALLYPORT_INSTANCE: string;
  SALLYPORT_LOG_LEVEL: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  SALLYPORT_NATS_URL: string;
  SALLYPORT_NATS_USER: string;
  SALLYPORT_NATS_PASSWORD: string;
}

/** `fields`: further names that this service's log may show. Resolves when the streams are there; what it opened is closed at the end of the process. */
export async function startProcess(service: string, config: BusSettings, fields: readonly string[] = []): Promise<ServiceProcess> {
  const instance = config.SALLYPORT_INSTANCE;
  const log = createLog(instance, { level: config.SALLYPORT_LOG_LEVEL, fields });
  const metrics = createMetrics(service);
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
  return { instance, log, metrics, shutdown, bus, clock };
}
