/**
 * Configuration: environment variables read once, against one schema. Guarantees that a wrong, missing or unknown `SALLYPORT_*` variable ends the start
 * with one message that lists them all, by name and rule, never by value. A secret comes as the path of a file: for each `X_FILE` the content is
 * added as `X`, without its last line break.
 */
import { readFileSync } from 'node:fs';
import { envSchema } from 'env-schema';
import { type Static, type TObject, type TProperties, Type } from 'typebox';

/** Every process. `SALLYPORT_INTERNAL_PORT` 0 means any free port. */
export const processConfig = {
  SALLYPORT_INSTANCE: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'name of this process among its like' }),
  SALLYPORT_INTERNAL_PORT: Type.Integer({ minimum: 0, maximum: 65535, description: 'port of health and metrics' }),
  SALLYPORT_INTERNAL_HOST: Type.String({ default: '127.0.0.1', description: 'address of health and metrics' }),
  SALLYPORT_LOG_LEVEL: Type.Enum(['debug', 'info', 'warn', 'error', 'silent'], { default: 'info' }),
  PUBLIC_URL: Type.String({ pattern: '^https?://[^/?#]+$', description: 'outside address of the platform, without path' }),
};

export const busConfig = {
  SALLYPORT_NATS_URL: Type.String({ minLength: 1, description: 'comma-separated' }),
  SALLYPORT_NATS_USER: Type.String({ minLength: 1 }),
  SALLYPORT_NATS_PASSWORD_FILE: Type.String({ minLength: 1 }),
};

export const secretsConfig = {
  SALLYPORT_SECRETS_DIR: Type.String({ minLength: 1, description: "folder of this service's own keys, 0700" }),
};

export const databaseConfig = {
  SALLYPORT_DATABASE_URL: Type.String({ pattern: '^postgres(ql)?://', description: 'without password' }),
  SALLYPORT_DATABASE_PASSWORD_FILE: Type.String({ minLength: 1 }),
};

type Secrets<T> = { [Name in keyof T as Name extends `${infer Bare}_FILE` ? Bare : never]: string };
export type Config<S extends TObject> = Static<S> & Secrets<Static<S>>;

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** `readConfig(Type.Object({ ...processConfig, ...busConfig, OWN: … }))`. Throws ConfigError. */
export function readConfig<P extends TProperties>(schema: TObject<P>, env: NodeJS.ProcessEnv = process.env): Config<TObject<P>> {
  const names = Object.keys(schema.properties);
  const problems = Object.keys(env)
    .filter((name) => name.startsWith('SALLYPORT_') && !names.includes(name))
    .map((name) => `${name}: unknown`);
  const given = Object.fromEntries(names.filter((name) => env[name] !== undefined).map((name) => [name, env[name]]));
  const values = validated(schema, given, problems);
  const secrets = Object.entries(given)
    .filter(([name]) => name.endsWith('_FILE'))
    .map(([name, path]) => [name.slice(0, -'_FILE'.length), secret(name, String(path), problems)]);
  if (problems.length > 0) throw new ConfigError(`The configuration is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`);
  // Checked against the schema just now; the secrets are one string per `_FILE`.
  return { ...values, ...Object.fromEntries(secrets) } as Config<TObject<P>>;
}

function validated(schema: TObject, given: Record<string, string | undefined>, problems: string[]): Record<string, unknown> {
  try {
    return envSchema<Record<string, unknown>>({ schema: { ...schema }, data: given, env: false, dotenv: false });
  } catch (error) {
    const errors: unknown = error instanceof Error && 'errors' in error ? error.errors : undefined;
    if (!Array.isArray(errors)) throw error;
    problems.push(...errors.map(describe));
    return {};
  }
}

function describe(error: { instancePath: string; message?: string; params: { missingProperty?: string } }): string {
  const { missingProperty } = error.params;
  return missingProperty ? `${missingProperty}: missing` : `${error.instancePath.slice(1)}: ${error.message ?? 'not valid'}`;
}

function secret(name: string, path: string, problems: string[]): string {
  try {
    const content = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    if (content === '') problems.push(`${name}: the file is empty`);
    return content;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    problems.push(`${name}: the file cannot be read (${code})`);
    return '';
  }
}
