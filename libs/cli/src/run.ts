/** From arguments to a command to an exit code. Touches neither process nor streams of its own: `main.ts` brings both. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Command, Values } from './command.ts';
import { CommandFailed, EXIT } from './exit.ts';
import { createOutput, type Streams } from './output.ts';

const GLOBAL = {
  json: { type: 'boolean' },
  quiet: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

export interface Surroundings extends Streams {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

export async function run(commands: readonly Command[], argv: readonly string[], around: Surroundings): Promise<number> {
  const command = commandOf(commands, argv);
  if (!command) {
    const helped = argv.every((word) => word === '--help' || word === '-h' || word === 'help') && argv.length > 0;
    (helped ? around.stdout : around.stderr)(overview(commands));
    return helped ? EXIT.done : EXIT.usage;
  }
  const parsed = parse(command, argv.slice(command.words.length));
  if ('problem' in parsed) {
    around.stderr(`sallyport: ${parsed.problem}\n${usage(command)}\n`);
    return EXIT.usage;
  }
  const { values, args } = parsed;
  if (values['help'] === true) {
    around.stdout(`${usage(command)}\n\n${command.summary}\n${command.help ? `\n${command.help}\n` : ''}`);
    return EXIT.done;
  }
  const out = createOutput(around, { json: values['json'] === true, quiet: values['quiet'] === true });
  try {
    return await command.run({ args, values, env: around.env, out, signal: around.signal });
  } catch (error) {
    if (around.signal.aborted) return EXIT.interrupted;
    around.stderr(`sallyport: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof CommandFailed ? error.exit : EXIT.failure;
  }
}

/** The longest name that the first words spell. */
function commandOf(commands: readonly Command[], argv: readonly string[]): Command | undefined {
  return commands
    .filter(({ words }) => words.every((word, index) => argv[index] === word))
    .toSorted((a, b) => b.words.length - a.words.length)[0];
}

function parse(command: Command, argv: readonly string[]): { values: Values; args: string[] } | { problem: string } {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options: { ...command.options, ...GLOBAL }, allowPositionals: true });
    const least = command.args.filter((name) => name.startsWith('<')).length;
    const given = values['help'] === true || (positionals.length >= least && positionals.length <= command.args.length);
    return given ? { values, args: positionals } : { problem: `it takes ${command.args.join(' ') || 'no arguments'}` };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function usage({ words, args, options }: Command): string {
  const own = Object.entries(options ?? {}).map(([name, { type }]) => (type === 'boolean' ? `[--${name}]` : `[--${name} …]`));
  return ['usage: sallyport', ...words, ...args, ...own, '[--json] [--quiet]'].join(' ');
}

function overview(commands: readonly Command[]): string {
  const names = commands.map(({ words, args }) => [...words, ...args].join(' '));
  const width = Math.max(...names.map((name) => name.length));
  const lines = commands.map(({ summary }, index) => `  ${(names[index] ?? '').padEnd(width)}  ${summary}`);
  return ['usage: sallyport <command> [--json] [--quiet] [--help]', '', ...lines, ''].join('\n');
}
