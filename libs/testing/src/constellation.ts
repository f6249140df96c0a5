/**
 * The whole platform for one test file, started by the same code as `npm start`, on free ports and in a scratch
 * folder with an operator of its own. Logs lie in its data folder and go with it; `KEEP_TEST_DATA=1` keeps both.
 */
import { join } from 'node:path';
import { type PlatformOptions, startPlatform } from '@sallyport/local/platform.ts';
import { removeCluster } from '@sallyport/local/postgres.ts';
import { neutral } from '@sallyport/local/test-platform.ts';
import { removeFolder, scratchFolder } from './folders.ts';
import { lastLines } from './logs.ts';

export type Constellation = {
  /** the first gateway */
  baseUrl: string;
  gateways: string[];
  /** the operator's */
  apiKey: string;
  dataDir: string;
  natsUrl: string;
  /** As superuser, password included. */
  postgresUrl: string;
  /** name → pid */
  processes(): Record<string, number>;
  /** SIGKILL; the supervisor starts it again */
  kill(name: string): void;
  stop(): Promise<void>;
};

export type ConstellationOptions = {
  gateways?: number;
  detectors?: number;
  /** as if set in the shell of `npm start` */
  env?: Record<string, string>;
  /** Where the published client looks for the enrolment page. */
  sdkPort?: number;
  /** One that was prepared; it goes with the constellation. */
  dataDir?: string;
  /** What an instance gets in place of its environment. */
  environment?: PlatformOptions['environment'];
};

export async function constellation(options: ConstellationOptions = {}): Promise<Constellation> {
  const folder = await scratchFolder('constellation');
  const lines: string[] = [];
  const dataDir = options.dataDir ?? join(folder, 'data');
  try {
    const platform = await startPlatform({
      dataDir,
      gateways: options.gateways ?? 1,
      detectors: options.detectors ?? 1,
      env: { ...neutral(process.env), ...options.env },
      say: (line) => lines.push(line),
      ...(options.sdkPort !== undefined && { sdkPort: options.sdkPort }),
      ...(options.environment && { environment: options.environment }),
    });
    if (platform.apiKey === undefined) {
      await platform.stop();
      throw new Error('no operator was made');
    }
    const { gateways, apiKey, natsUrl, postgresUrl } = platform;
    return {
      baseUrl: gateways[0] ?? '',
      gateways,
      apiKey,
      dataDir,
      natsUrl,
      postgresUrl,
      processes: platform.processes,
      kill: platform.kill,
      async stop() {
        await platform.stop();
        if (process.env['KEEP_TEST_DATA'] === '1') return;
        await removeCluster(join(dataDir, 'postgres'));
        removeFolder(folder);
      },
    };
  } catch (error) {
    const said = lines.map((line) => `  ${line}`).join('\n');
    throw new Error(`the constellation did not start\n${said}\n${await lastLines(join(dataDir, 'logs'))}`, { cause: error });
  }
}
