/** A way to NATS through the test: it can break or fall silent at the very chunk that carries a chosen publish. */
import { connect, createServer, type Socket } from 'node:net';

/**
 * `cut`: the connection ends before the chunk is passed on. `stored`: the chunk arrives, nothing comes back, and the connection ends 200 ms later.
 * `{ after: k }`: the connection ends when k publishes from the matching one on were passed on, however they lie in chunks: in the middle of a batch.
 * `mute`: the chunk and all after it arrive, nothing comes back for `mute_ms`, then the connection ends.
 */
export type Fault = 'cut' | 'stored' | 'mute' | { after: number };

export interface TcpProxy {
  port: number;
  /** The next chunk towards the server that matches meets the fault. Resolves when it did. */
  next(pattern: RegExp, fault: Fault, muteMs?: number): Promise<void>;
  close(): Promise<void>;
}

const STORED_MS = 200;

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let armed: { pattern: RegExp; fault: Fault; muteMs: number; met: () => void } | null = null;
  const server = createServer((down) => {
    const up = connect(target, '127.0.0.1');
    let silent = false;
    /** Publishes that may still pass; null: all. */
    let left: number | null = null;
    const end = (): void => {
      for (const socket of [down, up]) {
        sockets.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [down, up]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end).on('close', end);
    }
    down.on('data', (data: Buffer) => {
      const rule = armed?.pattern.test(data.toString('latin1')) ? armed : null;
      if (rule) {
        armed = null;
        rule.met();
        if (rule.fault === 'cut') return end();
        if (typeof rule.fault === 'object') left = rule.fault.after;
        else {
          silent = true;
          setTimeout(end, rule.fault === 'stored' ? STORED_MS : rule.muteMs);
        }
      }
      if (left === null) return void up.write(data);
      const text = data.toString('latin1');
      const publishes = [...text.matchAll(/HPUB ledger\./g)].map(({ index }) => index);
      const from = rule ? text.search(rule.pattern) : 0;
      const counted = publishes.filter((index) => index >= from);
      const stop = counted[left];
      left -= counted.length;
      if (stop === undefined) return void up.write(data);
      left = 0;
      silent = true;
      up.write(data.subarray(0, stop), end);
    });
    up.on('data', (data) => {
      if (!silent) down.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: address && typeof address === 'object' ? address.port : 0,
    next: (pattern, fault, muteMs = 2_500) =>
      new Promise((resolve) => {
        armed = { pattern, fault, muteMs, met: resolve };
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
