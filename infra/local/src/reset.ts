/** `npm run reset`: removes the data folder, after asking (`--yes` answers). Refuses while the platform runs. */
import { rm, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { claim, dataFolder } from './data-folder.ts';
import { endLeftovers } from './leftovers.ts';
import { removeCluster } from './postgres.ts';
import { dataDirOf } from './start-options.ts';

async function agreed(root: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    console.error('not a terminal: `npm run reset -- --yes` removes without asking');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Remove ${root} with all agents, credentials and the audit trail? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

const { values } = parseArgs({ options: { yes: { type: 'boolean', short: 'y' } } });
const folder = dataFolder(dataDirOf(process.env));
if (!(await stat(folder.root).catch(() => undefined))) console.log(`nothing to remove: ${folder.root} does not exist`);
else {
  const mine = await claim(folder);
  if (mine.taken) {
    console.error(`Sallyport is running (process ${mine.pid}); stop it first`);
    process.exitCode = 1;
  } else if (values.yes || (await agreed(folder.root))) {
    await endLeftovers(folder, (line) => console.log(`· ${line}`));
    await removeCluster(folder.postgres);
    await rm(folder.root, { recursive: true, force: true });
    console.log(`removed ${folder.root}`);
  } else {
    await mine.release();
    console.log('nothing was removed');
    process.exitCode = 1;
  }
}
