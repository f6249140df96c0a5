/**
 * The whole platform on this machine: NATS, PostgreSQL, set-up, every service as its own process, the first
 * operator. `npm start` and the tests' constellation are both this function.
 * Guarantees: it resolves when everything is ready, or ends everything and throws; after `stop` no process is left.
 */
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { natsUsers } from '@sallyport/bus/permissions.ts';
import { STATEFUL_SERVICES, type StatefulService, serviceUrl, setUpDatabase } from '@sallyport/infra-postgres/setup.ts';
import { bootstrap } from './bootstrap.ts';
import { type Claim, claim, type DataFolder, dataFolder, makeDataFolder, readShellValue, replaceFile, shellFile } from './data-folder.ts';
import { endLeftovers, rememberChildren } from './leftovers.ts';
import { boundLogs } from './logs.ts';
import { natsSpec } from './nats.ts';
import { freePort, portFrom } from './ports.ts';
import { externalPostgres, postgresSpec } from './postgres.ts';
import { redirectSdkPort, type SdkPort } from './sdk-port.ts';
import { passwordFiles } from './secrets.ts';
import { type Instance, SERVICES, type Surroundings, secretsDir, serviceSpec } from './services.ts';
import { makeStreams } from './streams.ts';
import { type Supervisor, type SupervisorEvent, supervisor } from './supervisor.ts';

export type PlatformOptions = {
  dataDir: string;
  gateways?: number;
  detectors?: number;
  env: NodeJS.ProcessEnv;
  /** the first gateway's wanted port; the next free one is taken. Left out: any */
  httpPort?: number;
  /** Where the published client looks for the enrolment page; left out: nowhere. */
  sdkPort?: number;
  /** aborted: the start is given up and everything ended */
  signal?: AbortSignal;
  say: (line: string) => void;
  tell?: (event: SupervisorEvent) => void;
  /** For tests: what an instance gets in place of its environment, e.g. another way to NATS or a moved clock. */
  environment?: (instance: string, env: NodeJS.ProcessEnv) => NodeJS.ProcessEnv | Promise<NodeJS.ProcessEnv>;
};

export type Platform = {
  /** address of each gateway, the first is the one to use */
  gateways: string[];
  /** the operator's key; undefined when an operator exists whose key this folder does not hold */
  apiKey: string | undefined;
  /** only on the start that made the operator */
  loginUrl: string | undefined;
  dataDir: string;
  natsUrl: string;
  /** As superuser, password included. */
  postgresUrl: string;
  processes(): Record<string, number>;
  kill(name: string): void;
  stop(): Promise<void>;
};

export class AlreadyRunning extends Error {
  readonly pid: number;
  readonly address: string | undefined;
  constructor(pid: number, address: string | undefined) {
    super(`Sallyport is running already (process ${pid})`);
    this.pid = pid;
    this.address = address;
  }
}

const FIRST_READY_MS = 60_000;
// A service closes within 2.5 s of its signal; all together end within 5 s.
const DOORS_MS = 1500;
const SERVICES_MS = 3200;
const SERVERS_MS = 1300;

/** `gateway`, `gateway-2`, … with ports that are free now. */
async function instances(options: PlatformOptions, say: (line: string) => void): Promise<Instance[]> {
  const taken = new Set<number>();
  const internal = async (): Promise<number> => {
    for (;;) {
      const port = await freePort();
      if (!taken.has(port)) {
        taken.add(port);
        return port;
      }
    }
  };
  const planned: Instance[] = [];
  for (const service of SERVICES) {
    const count = service === 'gateway' ? (options.gateways ?? 1) : service === 'detectors' ? (options.detectors ?? 1) : 1;
    for (let number = 1; number <= count; number++) {
      const name = number === 1 ? service : `${service}-${number}`;
      if (service !== 'gateway') {
        planned.push({ service, name, internalPort: await internal() });
        continue;
      }
      const wanted = options.httpPort === undefined ? undefined : options.httpPort + number - 1;
      const httpPort = wanted === undefined ? await internal() : await portFrom(wanted, taken);
      taken.add(httpPort);
      if (wanted !== undefined && httpPort !== wanted) say(`port ${wanted} is taken; ${name} uses ${httpPort}`);
      planned.push({ service, name, internalPort: await internal(), httpPort });
    }
  }
  return planned;
}

async function startNats(kept: Supervisor, folder: DataFolder, options: PlatformOptions): Promise<string> {
  const users = natsUsers();
  const passwords = await passwordFiles(
    join(folder.secrets, 'nats'),
    users.map(({ name }) => name),
  );
  const admin = passwords['admin'] ?? '';
  const port = await freePort();
  const spec = await natsSpec({ dir: folder.nats, users, passwords, port, logFile: join(folder.logs, 'nats.log'), say: options.say });
  const external = options.env['NATS_URL'];
  if (external) {
    options.say(`NATS: the server at NATS_URL, with the users of ${join(folder.nats, 'nats.conf')}`);
    await makeStreams(external, admin);
    return external;
  }
  const url = `nats://127.0.0.1:${port}`;
  // The memory buckets are gone with every end of the server.
  await kept.keep(spec, { afterReady: () => makeStreams(url, admin) });
  return url;
}

async function startPostgres(kept: Supervisor, folder: DataFolder, options: PlatformOptions): Promise<string> {
  const passwords = await passwordFiles(join(folder.secrets, 'postgres'), STATEFUL_SERVICES);
  const external = await externalPostgres(options.env);
  let url = external;
  if (!url) {
    const { spec, url: own } = await postgresSpec({
      dir: folder.postgres,
      secretsDir: join(folder.secrets, 'postgres'),
      port: await freePort(),
      logFile: join(folder.logs, 'postgres.log'),
    });
    await kept.keep(spec);
    url = own;
  }
  const known: Record<StatefulService, string> = {
    passports: passwords['passports'] ?? '',
    vault: passwords['vault'] ?? '',
    audit: passwords['audit'] ?? '',
    detectors: passwords['detectors'] ?? '',
  };
  await setUpDatabase(url, known);
  return url;
}

async function startServices(
  kept: Supervisor,
  planned: readonly Instance[],
  around: Surroundings,
  environment: PlatformOptions['environment'],
): Promise<void> {
  for (const { service } of planned) await mkdir(secretsDir(around.dataDir, service), { recursive: true, mode: 0o700 });
  let timer: NodeJS.Timeout | undefined;
  const missing = new Set(planned.map(({ name }) => name));
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`not ready within ${FIRST_READY_MS / 1000} s: ${[...missing].join(', ')}; logs: ${around.dataDir}/logs`)),
      FIRST_READY_MS,
    );
  });
  try {
    const all = planned.map(async (instance) => {
      const spec = serviceSpec(instance, around);
      await kept.keep(environment ? { ...spec, env: await environment(instance.name, spec.env) } : spec);
      missing.delete(instance.name);
    });
    await Promise.race([Promise.all(all), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function firstOperator(
  folder: DataFolder,
  gateways: string[],
  say: (line: string) => void,
): Promise<{ apiKey?: string; loginUrl?: string }> {
  const [first = ''] = gateways;
  const kept = readShellValue(await readFile(folder.env, 'utf8').catch(() => ''), 'STACK_API_KEY');
  const tokenFile = join(folder.secrets, 'passports', 'bootstrap-token');
  let apiKey = kept;
  let loginUrl: string | undefined;
  if (apiKey === undefined && (await stat(tokenFile).catch(() => undefined))) {
    try {
      const made = await bootstrap(first, tokenFile);
      apiKey = made.api_key;
      loginUrl = made.login_url ?? undefined;
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
  }
  const values = {
    STACK_BASE_URL: first,
    ...(apiKey === undefined ? {} : { STACK_API_KEY: apiKey }),
    SALLYPORT_GATEWAYS: gateways.join(' '),
  };
  await replaceFile(folder.env, shellFile(values));
  return { ...(apiKey === undefined ? {} : { apiKey }), ...(loginUrl === undefined ? {} : { loginUrl }) };
}

/** Where everything answers, for `sallyport` on this machine; passwords lie in the secrets folder. */
function shownPlatform(planned: readonly Instance[], gateways: string[], natsUrl: string, postgresUrl: string): object {
  const databases = Object.fromEntries(STATEFUL_SERVICES.map((service) => [service, serviceUrl(postgresUrl, service)]));
  return {
    gateways,
    nats_url: natsUrl,
    databases,
    instances: planned.map(({ service, name, internalPort }) => ({ service, name, internal_port: internalPort })),
  };
}

export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const folder = dataFolder(options.dataDir);
  await makeDataFolder(folder);
  const mine: Claim = await claim(folder);
  if (mine.taken) throw new AlreadyRunning(mine.pid, mine.address);

  let writing = Promise.resolve();
  const record = (): void => {
    writing = writing.then(() => rememberChildren(folder, kept.processes())).catch(() => undefined);
  };
  const kept = supervisor((event) => {
    record();
    options.tell?.(event);
  });
  const unbound = boundLogs(folder.logs);
  let sdkPort: SdkPort | undefined;
  const end = async (): Promise<void> => {
    clearInterval(unbound);
    await sdkPort?.close();
    kept.close();
    const started = performance.now();
    // The doors first, then those they ask, then what all of them write to: nothing is cut off in the middle.
    const doors = kept.names().filter((name) => name.startsWith('gateway'));
    await kept.stop(doors, DOORS_MS);
    const others = kept.names().filter((name) => name !== 'nats' && name !== 'postgres');
    await kept.stop(others, SERVICES_MS - (performance.now() - started));
    await kept.stop(kept.names(), SERVERS_MS);
    record();
    await writing;
    await mine.release();
  };
  let ending: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    ending ??= end();
    return ending;
  };

  options.signal?.addEventListener('abort', () => void stop());
  try {
    await endLeftovers(folder, options.say);
    options.say('starting NATS and PostgreSQL');
    const both = [startNats(kept, folder, options), startPostgres(kept, folder, options)] as const;
    // Both are waited for even when one fails, so that none comes up after the end of the other.
    await Promise.allSettled(both);
    const [natsUrl, postgresUrl] = await Promise.all(both);
    const planned = await instances(options, options.say);
    const httpHost = options.env['SALLYPORT_HTTP_HOST'] || '127.0.0.1';
    const shown = httpHost === '0.0.0.0' || httpHost === '::' ? '127.0.0.1' : httpHost;
    const gateways = planned.flatMap(({ httpPort }) => (httpPort === undefined ? [] : [`http://${shown}:${httpPort}`]));
    const publicUrl = options.env['PUBLIC_URL'] || gateways[0] || '';
    options.say(`starting ${planned.length} services`);
    const around = { dataDir: options.dataDir, natsUrl, postgresUrl, publicUrl, httpHost, env: options.env };
    await startServices(kept, planned, around, options.environment);
    const { apiKey, loginUrl } = await firstOperator(folder, gateways, options.say);
    if (options.sdkPort !== undefined) sdkPort = await redirectSdkPort(publicUrl, options.sdkPort, options.say);
    await mine.note(gateways[0] ?? '');
    await replaceFile(folder.platform, JSON.stringify(shownPlatform(planned, gateways, natsUrl, postgresUrl), null, 2));
    return {
      gateways,
      apiKey,
      loginUrl,
      dataDir: options.dataDir,
      natsUrl,
      postgresUrl,
      processes: () => kept.processes(),
      kill: (name) => kept.kill(name),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
