/** The process `sallyport`: arguments, environment, streams, Ctrl-C. The only file here that touches `process`. */
import { COMMANDS } from './commands.ts';
import { run } from './run.ts';

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
process.exitCode = await run(COMMANDS, process.argv.slice(2), {
  env: process.env,
  signal: interrupted.signal,
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
});
