/**
 * Makes the streams and memory buckets again after each start of NATS, for as long as the installation runs:
 * what lies in memory is gone with the server, and no service may make it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keepStreams } from '@sallyport/local/streams.ts';
import { ADMINISTRATOR, NATS_PASSWORD } from './places.ts';

/** What the container's health check looks for. */
const MADE = '/tmp/streams-made';

const password = (await readFile(join(ADMINISTRATOR, NATS_PASSWORD), 'utf8')).trim();
const stop = await keepStreams('nats://nats:4222', password, (line) => console.log(line));
await writeFile(MADE, '');
process.once('SIGTERM', () => void stop());
