/** A process of its own that projects rows until it is told to end; pauses inside the transaction of a fact `wait.here`, so that a test can stop it there. */
import { connectBus } from '@sallyport/bus/connect.ts';
import { createProjection } from '../../src/projection.ts';
import { openRows, rowsProjection, silent } from './rows.ts';

const [natsUrl = '', password = '', databaseUrl = '', holder = ''] = process.argv.slice(2);
const database = await openRows(databaseUrl);
const bus = await connectBus({ url: natsUrl, user: 'passports', password, name: holder, log: silent });
const plain = rowsProjection(database, bus, { holder });
const projection = createProjection({
  ...plain,
  handle: async (tx, entries) => {
    await plain.handle(tx, entries);
    if (!entries.some((entry) => entry.facts().some(({ type }) => type === 'wait.here'))) return;
    process.stdout.write('waiting\n');
    await new Promise((resolve) => setTimeout(resolve, 500));
  },
});
process.stdout.write('started\n');
process.once('SIGTERM', async () => {
  await projection.stop();
  await bus.close();
  await database.close();
});
