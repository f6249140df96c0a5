/**
 * The configuration of one nats-server: who may say what, where the log lies, how it is synced.
 * Guarantees: no anonymous access, one user per service with exactly the subjects given, every
 * acknowledged message synced to disk. Pure: text in, text out; it never reads or makes a password.
 */

export type NatsUser = {
  name: string;
  permissions: {
    publish: { allow: string[]; deny?: string[] };
    subscribe: { allow: string[]; deny?: string[] };
  };
};

export type NatsConfInput = {
  users: readonly NatsUser[];
  /** user name → password; a user without one is an error, never an open door */
  passwords: Readonly<Record<string, string>>;
  storeDir: string;
  host: string;
  port: number;
  /** where a probe may ask `/healthz`; left out: no monitoring port */
  monitoringPort?: number;
  serverName?: string;
  /** One of several servers: routes listen on `host`, `routes` are the ports of all on the same host. */
  cluster?: { name: string; port: number; routes: readonly number[] };
};

// A subject is the only free text here; one that could end its string is a bug of the caller.
function quoted(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text) || /["\\]/.test(text))
    throw new Error('nats configuration: a value holds a character that cannot be quoted');
  return `"${text}"`;
}

function list(subjects: readonly string[]): string {
  return `[${subjects.map(quoted).join(', ')}]`;
}

function rule(rule: { allow: string[]; deny?: string[] }): string {
  // An empty allow list would mean "everything" to the server.
  if (rule.allow.length === 0) return '{ deny: ">" }';
  const deny = rule.deny && rule.deny.length > 0 ? `, deny: ${list(rule.deny)}` : '';
  return `{ allow: ${list(rule.allow)}${deny} }`;
}

function user(entry: NatsUser, passwords: NatsConfInput['passwords']): string {
  const password = passwords[entry.name];
  if (!password) throw new Error(`nats configuration: no password for user ${entry.name}`);
  return [
    '    {',
    `      user: ${quoted(entry.name)}`,
    `      password: ${quoted(password)}`,
    '      permissions: {',
    `        publish: ${rule(entry.permissions.publish)}`,
    `        subscribe: ${rule(entry.permissions.subscribe)}`,
    '      }',
    '    }',
  ].join('\n');
}

export function natsConf(input: NatsConfInput): string {
  return [
    `server_name: ${quoted(input.serverName ?? 'sallyport')}`,
    `listen: ${quoted(`${input.host}:${input.port}`)}`,
    ...(input.monitoringPort === undefined ? [] : [`http: ${quoted(`${input.host}:${input.monitoringPort}`)}`]),
    ...(input.cluster === undefined
      ? []
      : [
          `cluster: { name: ${quoted(input.cluster.name)}, listen: ${quoted(`${input.host}:${input.cluster.port}`)},`,
          `  routes: ${list(input.cluster.routes.map((port) => `nats-route://${input.host}:${port}`))} }`,
        ]),
    'max_payload: 4MB',
    'ping_interval: "5s"',
    'jetstream: {',
    `  store_dir: ${quoted(input.storeDir)}`,
    '  sync_interval: always',
    '}',
    'authorization: {',
    '  users: [',
    input.users.map((entry) => user(entry, input.passwords)).join('\n'),
    '  ]',
    '}',
    '',
  ].join('\n');
}
