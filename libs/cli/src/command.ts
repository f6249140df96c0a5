/** What a command is. One file per command under `commands/`, all of them in the table `commands.ts`. */
import type { ParseArgsConfig } from 'node:util';
import type { Output } from './output.ts';

/** What `node:util`'s `parseArgs` found; every name is one of the command's own options. */
export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

export interface Invocation {
  args: readonly string[];
  values: Values;
  env: NodeJS.ProcessEnv;
  out: Output;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

export interface Command {
  /** As it is typed: `['admin', 'rebuild']`. */
  words: readonly string[];
  /** Names of its arguments: `<model>` must be there, `[model]` may. */
  args: readonly string[];
  /** One line. */
  summary: string;
  /** More lines of help. */
  help?: string;
  options?: NonNullable<ParseArgsConfig['options']>;
  /** Resolves with an exit code (`exit.ts`), or throws CommandFailed; any other error is a defect and ends with 1. */
  run(invocation: Invocation): Promise<number>;
}
