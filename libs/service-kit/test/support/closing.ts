/** A process that has opened three things, of which the argument says how the middle one closes. */
import { createLog } from '../../src/log.ts';
import { onShutdown } from '../../src/shutdown.ts';

const shutdown = onShutdown({ log: createLog('closing'), deadline_ms: 300 });
const say = (text: string): void => void process.stdout.write(`${text}\n`);
shutdown.add('first', () => say('first closed'));
shutdown.add('middle', () => {
  if (process.argv[2] === 'throws') throw new Error('cannot');
  return process.argv[2] === 'hangs' ? new Promise(() => undefined) : say('middle closed');
});
shutdown.add('last', () => say('last closed'));
setInterval(() => undefined, 1_000);
say('open');
if (process.argv[2] === 'defect') setImmediate(() => Promise.reject(new Error('nobody catches this')));
