/** What the administrator on the host may ask: operators, one-time links, signing keys (api.md §22). Shown once, to whoever typed the command. */
import { ServiceUnavailable } from '@sallyport/bus/errors.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { listKeys, revokeKey, rotateKeys } from '@sallyport/contracts/operations/keys.ts';
import { createOperator } from '@sallyport/contracts/operations/operator.ts';
import { loginLink } from '@sallyport/contracts/operations/sign-in.ts';
import { check, matches } from '@sallyport/contracts/validate.ts';
import { connectHost } from '@sallyport/service-kit/host.ts';
import type { Static, TSchema } from 'typebox';
import type { Command } from '../command.ts';
import { CommandFailed, EXIT } from '../exit.ts';
import { hostPlatform } from '../platform.ts';

const quiet = (): void => undefined;
const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet };

type Asked<S extends TSchema> = Operation & { response: S };

async function ask<S extends TSchema>(env: NodeJS.ProcessEnv, operation: Asked<S>, body: unknown): Promise<Static<S>> {
  const [problem] = operation.body ? check(operation.body, body) : [];
  if (problem) throw new CommandFailed(EXIT.usage, `${problem.path}: ${problem.rule}`);
  const { bus, source } = await hostPlatform(env);
  if (!bus) throw new CommandFailed(EXIT.failure, `the administrator's access is not in ${source}; run this on the host of the platform`);
  const host = await connectHost({ nats_url: bus.url, password_file: bus.password_file, log: SILENT });
  try {
    const answer = await host.ask(operation, body);
    if (!answer.ok) {
      const { code, message } = answer.denial;
      throw new CommandFailed(code === 'NOT_FOUND' ? EXIT.not_found : EXIT.failure, message);
    }
    const { body: told } = answer.reply;
    if (!matches(operation.response, told)) throw new CommandFailed(EXIT.failure, 'the platform answered in another shape');
    return told;
  } catch (error) {
    if (error instanceof ServiceUnavailable) throw new CommandFailed(EXIT.unreachable, 'the platform does not answer');
    throw error;
  } finally {
    await host.close();
  }
}

export const loginLinkCommand: Command = {
  words: ['admin', 'login-link'],
  args: ['<email>'],
  summary: 'prints a one-time link that signs this member in; it works for 15 minutes',
  run: async ({ args: [email = ''], env, out }) => {
    const { links } = await ask(env, loginLink, { email });
    for (const { operator_name, operator_id } of links.length > 1 ? links : []) out.say(`a link for ${operator_name} (${operator_id})`);
    out.result({ links }, links.map(({ login_url }) => login_url).join('\n'));
    return EXIT.done;
  },
};

export const createOperatorCommand: Command = {
  words: ['admin', 'operator', 'create'],
  args: ['<name>', '<owner-email>', '<owner-name>'],
  summary: 'makes an operator and prints its key and a one-time link for its owner',
  run: async ({ args: [name = '', owner_email = '', owner_name = ''], env, out }) => {
    const made = await ask(env, createOperator, { name, owner_email, owner_name });
    out.say('The key is shown this once.');
    out.result(made, [made.operator.id, made.api_key, made.login_url ?? ''].join('\n'));
    return EXIT.done;
  },
};

const table = (keys: readonly { purpose: string; kid: string; state: string; since: string; changes_at: string | null }[]): string =>
  keys.map(({ purpose, kid, state, since, changes_at }) => [purpose, kid, state, since, changes_at ?? '-'].join('  ')).join('\n');

export const listKeysCommand: Command = {
  words: ['admin', 'keys', 'list'],
  args: [],
  summary: 'signing keys: what for, which, state, since when, until when',
  run: async ({ env, out }) => {
    const { keys } = await ask(env, listKeys, {});
    out.result({ keys }, table(keys));
    return EXIT.done;
  },
};

export const rotateKeysCommand: Command = {
  words: ['admin', 'keys', 'rotate'],
  args: [],
  summary: 'publishes the next signing keys; they sign after ten minutes',
  run: async ({ env, out }) => {
    const { keys } = await ask(env, rotateKeys, {});
    out.result({ keys }, table(keys));
    return EXIT.done;
  },
};

export const revokeKeyCommand: Command = {
  words: ['admin', 'keys', 'revoke'],
  args: ['<kid>'],
  summary: 'emergency: nothing that this key signed counts any more',
  options: { reason: { type: 'string' } },
  run: async ({ args: [kid = ''], values, env, out }) => {
    const told = await ask(env, revokeKey, { kid, reason: typeof values['reason'] === 'string' ? values['reason'] : null });
    out.result(
      told,
      told.already_revoked ? 'it was revoked before' : `${told.active} signs now; ${told.revoked_count} passports were revoked`,
    );
    return EXIT.done;
  },
};
