/** Makes the first operator of a Compose installation and prints its key, this once, as lines to `source`. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrap } from '@sallyport/local/bootstrap.ts';
import { shellFile } from '@sallyport/local/data-folder.ts';
import { serviceSecrets } from './places.ts';

const tokenFile = join(serviceSecrets('passports'), 'bootstrap-token');

async function main(): Promise<void> {
  if (!(await stat(tokenFile).catch(() => undefined)))
    throw new Error('there is no bootstrap token: the first operator exists already, and its key was shown once');
  const { api_key } = await bootstrap('http://gateway:8787', tokenFile);
  process.stdout.write(
    shellFile({ STACK_BASE_URL: 'http://127.0.0.1:8787', STACK_API_KEY: api_key, SALLYPORT_GATEWAYS: 'http://127.0.0.1:8787' }),
  );
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
