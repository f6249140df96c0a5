/**
 * One connection to NATS. Owns reconnecting (for ever) and the connection's own inbox prefix; does not own streams (`admin.ts`)
 * or followers, which watch themselves. The client's handling of lost consumers is used nowhere.
 */
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { errorFields, type Log } from './log.ts';

export interface Bus {
  nc: NatsConnection;
  js: JetStreamClient;
  jsm: JetStreamManager;
  /** NATS user; permissions, lease keys and inboxes carry it. */
  user: string;
  /** This process, for operators' eyes. */
  name: string;
  log: Log;
  close(): Promise<void>;
  /** Settles when the connection is closed for good, by `close` or because the server refuses us. */
  closed: Promise<void>;
}

export interface BusOptions {
  url: string;
  user: string;
  password: string;
  name: string;
  log: Log;
}

const PING_MS = 5_000;
const RECONNECT_MS = 250;
const OLDEST_SERVER = [2, 14] as const;

/** An inbox prefix of this user, under which it may subscribe and others may answer. */
export function inboxPrefix(user: string): string {
  return `_INBOX_${user}`;
}

/** True for 2.14 and later: atomic batches, message schedules and their repeated publishing. */
export function serverIsRecent(version: string): boolean {
  const match = /^v?(\d+)\.(\d+)\./.exec(version);
  if (!match) return false;
  const major = Number(match[1]);
  return major > OLDEST_SERVER[0] || (major === OLDEST_SERVER[0] && Number(match[2]) >= OLDEST_SERVER[1]);
}

export async function connectBus({ url, user, password, name, log }: BusOptions): Promise<Bus> {
  const nc = await connect({
    servers: url.split(','),
    user,
    pass: password,
    name,
    inboxPrefix: inboxPrefix(user),
    pingInterval: PING_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    reconnectJitter: RECONNECT_MS,
    noAsyncTraces: true,
  });
  const version = nc.info?.version ?? 'unknown';
  if (!serverIsRecent(version)) {
    await nc.close();
    throw new Error(`NATS server ${version} is too old: Sallyport needs 2.14 or later`);
  }
  void logStatus(nc, log);
  return {
    nc,
    js: jetstream(nc),
    jsm: await jetstreamManager(nc, { checkAPI: false }),
    user,
    name,
    log,
    close: () => nc.close(),
    closed: nc.closed().then((error) => {
      if (error) log.error(errorFields(error), 'bus closed');
    }),
  };
}

async function logStatus(nc: NatsConnection, log: Log): Promise<void> {
  for await (const status of nc.status()) {
    if (status.type === 'disconnect') log.warn({}, 'bus disconnected');
    else if (status.type === 'reconnect') log.info({}, 'bus connected again');
    else if (status.type === 'error') log.error(errorFields(status.error), 'bus error');
  }
}
