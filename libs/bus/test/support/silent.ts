import type { Log } from '../../src/log.ts';

const nothing = (): void => undefined;
const print = (fields: object, message: string): void => console.error(message, fields);

/** Logs nothing, unless `BUS_TEST_LOG` is set. */
export const silent: Log = process.env['BUS_TEST_LOG']
  ? { debug: print, info: print, warn: print, error: print }
  : { debug: nothing, info: nothing, warn: nothing, error: nothing };
