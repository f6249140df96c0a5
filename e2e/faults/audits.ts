/** A second audit process, and the first one paused past its leases in the middle of its work: what it then still writes must not count. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { LEASES } from '@sallyport/bus/admin.ts';
import { getMessage } from '@sallyport/bus/api.ts';
import { PARTITIONS } from '@sallyport/bus/subjects.ts';
import { pauseProcess } from '@sallyport/testing/pause.ts';
import { startService, type StartedService } from '@sallyport/testing/service.ts';
import { eventually } from '@sallyport/testing/time.ts';
import type { Witness } from './evidence.ts';
import { pause } from './load.ts';
import type { World } from './world.ts';

const SECOND = 'audit-2';

export async function secondAudit(world: World): Promise<StartedService> {
  const { platform } = world;
  const secrets = join(platform.dataDir, 'secrets');
  const database = new URL(platform.postgresUrl);
  [database.username, database.password, database.pathname] = ['audit', '', '/sallyport'];
  return startService('audit', {
    PUBLIC_URL: platform.baseUrl,
    SALLYPORT_INSTANCE: SECOND,
    SALLYPORT_SECRETS_DIR: join(secrets, 'audit'),
    SALLYPORT_NATS_URL: platform.natsUrl,
    SALLYPORT_NATS_USER: 'audit',
    SALLYPORT_NATS_PASSWORD_FILE: join(secrets, 'nats', 'audit'),
    SALLYPORT_DATABASE_URL: database.href,
    SALLYPORT_DATABASE_PASSWORD_FILE: join(secrets, 'postgres', 'audit'),
  });
}

/** Pauses the one of the two that writes this operator's rows; the caller checks the rows when the load has ended. */
export async function pauseAudit(world: World, ms: number): Promise<void> {
  const second = await secondAudit(world);
  try {
    // The two share the partitions anew within seconds; before that the rows may change hands again.
    await eventually(async () => assert.equal((await sharesOf(world)).get(SECOND), PARTITIONS / 2), { timeoutMs: 30_000, everyMs: 250 });
    const holder = await holderOfRows(world);
    const pid = holder === SECOND ? second.pid : world.platform.processes()['audit'];
    assert.ok(pid, `no process ${holder} runs`);
    await pauseProcess(pid);
    await pause(ms);
    // It is noticed after that time at the latest; the other looks around every two seconds.
    await eventually(async () => assert.notEqual(await holderOfRows(world), holder, 'the other one took over'), { everyMs: 250 });
    process.kill(pid, 'SIGCONT');
    await pause(5_000);
    world.say(`two audit processes, ${holder} paused for ${ms} ms while it held the chain`);
  } finally {
    await second.stop();
  }
}

/** Whose lease the partition of this run's operator is. */
async function holderOfRows({ witness }: World): Promise<string> {
  const made = (await witness.stream()).find(({ facts }) => facts.some(({ type }) => type === 'operator.bootstrapped'));
  const partition = made?.subject.split('.')[1];
  const found = await holderOf(witness, Number(partition));
  if (found === null) throw new Error('nobody holds the rows');
  return found;
}

/** Holder → how many partitions of the rows are its. */
async function sharesOf({ witness }: World): Promise<Map<string | null, number>> {
  const shares = new Map<string | null, number>();
  const holders = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => holderOf(witness, partition)));
  for (const holder of holders) shares.set(holder, (shares.get(holder) ?? 0) + 1);
  return shares;
}

async function holderOf({ bus }: Witness, partition: number): Promise<string | null> {
  const lease = await getMessage(bus, LEASES, { last_by_subj: `$KV.leases.audit.partitions.rows.${partition}` });
  return lease && lease.data.length > 0 ? JSON.parse(Buffer.from(lease.data).toString()).holder : null;
}
