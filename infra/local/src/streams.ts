/** The administrator step: streams and buckets of the bus, made or updated. Runs after every start of NATS. */
import { setUpStreams } from '@sallyport/bus/admin.ts';
import { connectBus } from '@sallyport/bus/connect.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function makeStreams(url: string, adminPassword: string): Promise<void> {
  const bus = await connectBus({ url, user: 'admin', password: adminPassword, name: 'administrator', log: silent });
  try {
    await setUpStreams(bus);
  } finally {
    await bus.close();
  }
}
