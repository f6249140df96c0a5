/** Where the data of this machine's platform lies; start, reset and the benchmark agree on it. */
import { join } from 'node:path';
import { REPOSITORY } from './services.ts';

export function dataDirOf(env: NodeJS.ProcessEnv): string {
  return env['SALLYPORT_DATA'] || join(REPOSITORY, '.sallyport');
}
