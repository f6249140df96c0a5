/** The administrator step: streams and buckets of the bus, made or updated. Runs after every start of NATS. */
import { setUpStreams } from '@sallyport/bus/admin.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const PAUSE_MS = 1000;
/** Of streams, where `url` names as many servers. */
const REPLICAS = 3;

function administrator(url: string, password: string): Promise<Bus> {
  return connectBus({ url, user: 'admin', password, name: 'administrator', log: silent });
}

export async function makeStreams(url: string, adminPassword: string): Promise<void> {
  const bus = await administrator(url, adminPassword);
  try {
    await setUpStreams(bus, { replicas: url.split(',').length >= REPLICAS ? REPLICAS : 1 });
  } finally {
    await bus.close();
  }
}

/** Makes them now and after each reconnection, until the answered function is called. */
export async function keepStreams(url: string, adminPassword: string, say: (line: string) => void): Promise<() => Promise<void>> {
  const bus = await administrator(url, adminPassword);
  let closing = false;
  const make = async (): Promise<void> => {
    while (!closing) {
      try {
        await setUpStreams(bus);
        say('streams and buckets are there');
        return;
      } catch (error) {
        say(`streams and buckets are not there yet: ${error instanceof Error ? error.message : String(error)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const follow = async (): Promise<void> => {
    for await (const status of bus.nc.status()) if (status.type === 'reconnect') await make();
  };
  await make();
  const following = follow();
  return async () => {
    closing = true;
    await bus.close();
    await following;
  };
}
