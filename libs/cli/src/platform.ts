/**
 * The platform that this host runs, as its own files tell: the data folder of `npm start`, or the environment of one service's container. Needs the rights
 * of whoever runs the platform; reads secrets into memory and shows none.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandFailed, EXIT } from './exit.ts';

export interface HostPlatform {
  /** Where it was found, for people. */
  source: string;
  /** Addresses of the gateways; empty when only one service's own environment is known. */
  gateways: readonly string[];
  instances: readonly { service: string; name: string; internal_url: string }[];
  /** Schema → its database: URL without password, and the file of the password. */
  databases: ReadonlyMap<string, { url: string; password_file: string }>;
  /** As the administrator on the host; null where its password is not. */
  bus: { url: string; password_file: string } | null;
}

/** User of the bus. */
const HOST = 'host';
const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

/** Throws CommandFailed when there is none. */
export async function hostPlatform(env: NodeJS.ProcessEnv): Promise<HostPlatform> {
  return fromEnvironment(env) ?? fromDataFolder(env['SALLYPORT_DATA'] || join(REPOSITORY, '.sallyport'));
}

/** Inside a container: of one service, whose variables are here and nobody else's, or of the administrator, who has the bus and the gateway's address. */
function fromEnvironment(env: NodeJS.ProcessEnv): HostPlatform | null {
  const url = env['SALLYPORT_DATABASE_URL'];
  const password_file = env['SALLYPORT_DATABASE_PASSWORD_FILE'];
  const port = env['SALLYPORT_INTERNAL_PORT'];
  const name = env['SALLYPORT_NATS_USER'];
  const nats = env['SALLYPORT_NATS_URL'];
  const nats_password = env['SALLYPORT_NATS_PASSWORD_FILE'];
  const bus = name === HOST && nats && nats_password ? { url: nats, password_file: nats_password } : null;
  if (!name || (!url && !port && !bus)) return null;
  const gateway = env['SALLYPORT_GATEWAY_URL'];
  return {
    source: 'the environment of this process',
    gateways: bus && gateway ? [gateway] : [],
    instances: port && !bus ? [{ service: name, name: env['SALLYPORT_INSTANCE'] ?? name, internal_url: `http://127.0.0.1:${port}` }] : [],
    databases: new Map(url && password_file ? [[new URL(url).username, { url, password_file }]] : []),
    bus,
  };
}

interface Shown {
  gateways: string[];
  nats_url?: string;
  databases: Record<string, string>;
  instances: { service: string; name: string; internal_port: number }[];
}

async function fromDataFolder(folder: string): Promise<HostPlatform> {
  const text = await readFile(join(folder, 'platform.json'), 'utf8').catch(() => null);
  if (text === null)
    throw new CommandFailed(
      EXIT.failure,
      `no platform was started from ${folder}; start it (npm start), or name its folder in SALLYPORT_DATA, or run this inside a service's container`,
    );
  // Written by `npm start`, in a folder that only its user may write to.
  const { gateways, nats_url, databases, instances } = JSON.parse(text) as Shown;
  return {
    source: folder,
    gateways,
    instances: instances.map(({ service, name, internal_port }) => ({ service, name, internal_url: `http://127.0.0.1:${internal_port}` })),
    databases: new Map(
      Object.entries(databases).map(([schema, url]) => [schema, { url, password_file: join(folder, 'secrets', 'postgres', schema) }]),
    ),
    bus: nats_url ? { url: nats_url, password_file: join(folder, 'secrets', 'nats', HOST) } : null,
  };
}
