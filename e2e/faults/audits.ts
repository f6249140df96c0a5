/** A second audit process, and the first one paused past its leases in the middle of its work: what it then still writes must not count. */
import { join } from 'node:path';
import { startService, type StartedService } from '@sallyport/testing/service.ts';
import { pause } from './load.ts';
import type { World } from './world.ts';

export async function secondAudit(world: World): Promise<StartedService> {
  const { platform } = world;
  const secrets = join(platform.dataDir, 'secrets');
  const database = new URL(platform.postgresUrl);
  [database.username, database.password, database.pathname] = ['audit', '', '/sallyport'];
  return startService('audit', {
    PUBLIC_URL: platform.baseUrl,
    SALLYPORT_INSTANCE: 'audit-2',
    SALLYPORT_SECRETS_DIR: join(secrets, 'audit'),
    SALLYPORT_NATS_URL: platform.natsUrl,
    SALLYPORT_NATS_USER: 'audit',
    SALLYPORT_NATS_PASSWORD_FILE: join(secrets, 'nats', 'audit'),
    SALLYPORT_DATABASE_URL: database.href,
    SALLYPORT_DATABASE_PASSWORD_FILE: join(secrets, 'postgres', 'audit'),
  });
}

/** The caller checks the rows when the load has ended. */
export async function pauseAudit(world: World, ms: number): Promise<void> {
  const second = await secondAudit(world);
  try {
    world.pause('audit');
    await pause(ms);
    world.resume('audit');
    await pause(1_000);
  } finally {
    await second.stop();
  }
  world.say(`two audit processes, one paused for ${ms} ms`);
}
