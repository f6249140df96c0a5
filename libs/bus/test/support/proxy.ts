/** A TCP proxy in front of nats-server that can cut, hold back or stop connections at a chosen byte pattern. */
import { connect, createServer, type Socket } from 'node:net';

export interface Proxy {
  port: number;
  /** Called with each chunk towards the server; `cut` closes the connection instead of sending, `swallow` drops what comes back from now on. */
  onUp: (text: string) => 'pass' | 'cut' | 'swallow';
  /** Nothing passes in either direction until `resume`. */
  pause(): void;
  resume(): void;
  cutAll(): void;
  close(): Promise<void>;
}

export async function startProxy(target: number): Promise<Proxy> {
  const pairs = new Set<{ down: Socket; up: Socket }>();
  let paused = false;
  const server = createServer((down) => {
    const up = connect(target, '127.0.0.1');
    const pair = { down, up };
    pairs.add(pair);
    let swallowing = false;
    const end = (): void => {
      pairs.delete(pair);
      down.destroy();
      up.destroy();
    };
    down.on('data', (data) => {
      const verdict = proxy.onUp(data.toString('latin1'));
      if (verdict === 'cut') return end();
      if (verdict === 'swallow') {
        swallowing = true;
        // What was sent reaches the server; the answer does not come back, then the connection breaks.
        setTimeout(end, 200);
      }
      up.write(data);
    });
    up.on('data', (data) => {
      if (!swallowing) down.write(data);
    });
    for (const socket of [down, up]) socket.on('error', end).on('close', end);
    if (paused) for (const socket of [down, up]) socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const each = (work: (socket: Socket) => void): void => {
    for (const { down, up } of pairs) for (const socket of [down, up]) work(socket);
  };
  const proxy: Proxy = {
    port: address && typeof address === 'object' ? address.port : 0,
    onUp: () => 'pass',
    pause: () => {
      paused = true;
      each((socket) => socket.pause());
    },
    resume: () => {
      paused = false;
      each((socket) => socket.resume());
    },
    cutAll: () => each((socket) => socket.destroy()),
    close: async () => {
      each((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
