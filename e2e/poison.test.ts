/**
 * A fact that read models cannot handle, really published: others set it aside, the audit chain of its partition stands still and says so, `sallyport doctor`
 * says what to do, and after that the chain goes on from the same message.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { LEDGER, streamInfo } from '@sallyport/bus/api.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { memberRemoved } from '@sallyport/contracts/facts/people.ts';
import { aggregateSubject, PARTITIONS, partitionOf } from '@sallyport/bus/subjects.ts';
import { type Constellation, constellation } from '@sallyport/testing/constellation.ts';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { openWitness, type Witness } from './faults/evidence.ts';
import { type Answer, type Api, apiOf } from './support/api.ts';
import { busOf, writeFacts } from './support/host.ts';
import { ROOT } from './support/python.ts';

const POISON = 'evt_01m7y5j3dae81ssjc5e4jg2a7c';
/** Loaded by the audit service before its own files: from the moment the file `installed` lies beside it, a version that makes a row of the poison. */
const UPGRADE = `
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
if (existsSync(new URL('installed', import.meta.url))) registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith('/services/audit/src/projections/rows.ts')) return loaded;
    return { ...loaded, source: String(loaded.source).replace('draftOf(fact, place)', "draftOf({ ...fact, actor: fact.actor ?? { type: 'system', id: 'unknown' } }, place)") };
  },
});
`;

let folder: string;
let platform: Constellation;
let witness: Witness;
let passports: Bus;
let operator: Api;
let operatorId: string;

before(async () => {
  folder = await scratchFolder('upgrade');
  const upgrade = join(folder, 'upgrade.mjs');
  await writeFile(upgrade, UPGRADE);
  platform = await constellation({
    env: { SALLYPORT_RATE_LIMITS: 'off' },
    environment: (name, env) => (name === 'audit' ? { ...env, NODE_OPTIONS: `--import ${pathToFileURL(upgrade).href}` } : env),
  });
  witness = await openWitness(platform);
  const password = (await readFile(join(platform.dataDir, 'secrets', 'nats', 'passports'), 'utf8')).trim();
  const nothing = (): void => undefined;
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  passports = await connectBus({ url: platform.natsUrl, user: 'passports', password, name: 'poisoner', log });
  operator = apiOf(platform.baseUrl, platform.apiKey);
  operatorId = (await operator('GET', '/v1/operator')).body.id;
});
after(async () => {
  await passports?.close();
  await witness?.close();
  await platform?.stop();
  removeFolder(folder);
});

/** Without an actor it is what no writer writes. */
async function publish(owner: string, id: string, agent: object, actor: object | null): Promise<number> {
  const fact = {
    id,
    type: 'agent.registered',
    v: 1,
    at: 1,
    operator_id: owner,
    actor,
    data: { agent },
  };
  const answer = await passports.nc.request(aggregateSubject(owner, 'agent', id.replace('evt_', 'agt_')), JSON.stringify([fact]), {
    timeout: 5_000,
  });
  return answer.json<{ seq: number }>().seq;
}

const rowOf = (id: string): Promise<{ owner: string }[]> =>
  witness.query<{ owner: string }>(`select operator_id as owner from audit.rows where entry_id = 'aud_${id.slice(4)}'`);

async function registered(): Promise<string> {
  const made = await operator('POST', '/v1/agents/register', { name: 'after-poison' });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body.id;
}

/** Another process, so that nothing is told by the one before. */
async function restartAudit(): Promise<void> {
  const before = platform.processes()['audit'];
  platform.kill('audit');
  await eventually(() => ![undefined, before].includes(platform.processes()['audit']));
}

const rowsOfAgent = (id: string): Promise<unknown[]> => witness.query(`select 1 from audit.rows where agent_id = '${id}'`);

async function internal(service: string, path: string): Promise<string> {
  const { instances } = JSON.parse(await readFile(join(platform.dataDir, 'platform.json'), 'utf8'));
  const { internal_port } = instances.find((one: { service: string }) => one.service === service);
  return (await fetch(`http://127.0.0.1:${internal_port}${path}`)).text();
}

interface Told {
  code: number;
  stdout: string;
  stderr: string;
}

function sallyport(...args: string[]): Promise<Told> {
  const env = { ...process.env, SALLYPORT_DATA: platform.dataDir };
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, 'libs/cli/bin/sallyport.mjs'), ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
    );
  });
}

test('given a platform that is well, doctor says so of every part', async () => {
  const { stdout } = await eventually(async () => {
    const said = await sallyport('doctor');
    assert.equal(said.code, 0, said.stdout + said.stderr);
    return said;
  });
  for (const part of ['passports is ready', 'vault is ready', 'audit is ready', 'detectors is ready', 'gateway is ready', platform.baseUrl])
    assert.ok(stdout.includes(part), `${part}: ${stdout}`);
});

let poison: number;
let behind: string;

test('given a fact that cannot be handled, other read models set it aside, and its audit chain stands still and says so', async () => {
  poison = await publish(operatorId, POISON, {}, null);
  behind = await registered();
  await eventually(async () => assert.match(await internal('audit', '/metrics'), /projection_stopped_partitions\{.*\} 1/));
  assert.match(await internal('audit', '/metrics'), /poison_total\{[^}]*outcome="stopped"[^}]*\} 1/);
  const ready = JSON.parse(await internal('audit', '/readyz'));
  assert.equal(ready.status, 'ready');
  const [stopped] = ready.details.stopped_chains;
  assert.deepEqual(
    [stopped.partition, stopped.seq, stopped.operator_id, stopped.fact_types],
    [partitionOf(operatorId), poison, operatorId, ['agent.registered']],
  );
  const letters = (): Promise<{ seq: string }[]> => witness.query('select seq from passports.dead_letter');
  await eventually(
    async () =>
      assert.deepEqual(
        (await letters()).map(({ seq }) => Number(seq)),
        [poison],
      ),
    { timeoutMs: 20_000 },
  );
  assert.match(await internal('passports', '/metrics'), /poison_total\{[^}]*outcome="dead_letter"[^}]*\} 1/);
  // The read model behind the dead letter has gone on; the chain has not.
  await eventually(async () => assert.equal((await operator('GET', `/v1/agents/${behind}`)).status, 200));
  assert.deepEqual(await rowsOfAgent(behind), []);
});

test('given a chain that stands still, those of other partitions go on', async () => {
  const mine = partitionOf(operatorId);
  const others = Array.from({ length: 200 }, (_, index) => `op_other${index}`).filter((id) => partitionOf(id) !== mine);
  const [other = ''] = others;
  assert.ok(new Set(others.map(partitionOf)).size === PARTITIONS - 1);
  const id = 'evt_01m7y5j3dae81ssjc5e4jg2b8d';
  await publish(other, id, { name: 'other', status: 'active', operator_id: other }, { type: 'operator', id: other });
  await eventually(async () => assert.deepEqual(await rowOf(id), [{ owner: other }]));
});

test('given a chain that stands still, doctor names the place and what to do', async () => {
  // A service that is slow to answer is a finding of its own, in the place of this one.
  await eventually(async () => {
    const { code, stdout } = await sallyport('doctor');
    assert.equal(code, 1, stdout);
    const line = stdout.slice(stdout.indexOf('FAIL'));
    for (const part of [
      `partition ${partitionOf(operatorId)}`,
      `message ${poison}`,
      operatorId,
      'agent.registered',
      'what to do: ',
      'restart audit',
    ])
      assert.ok(line.includes(part), `${part}: ${stdout}`);
  });
  const json = JSON.parse((await sallyport('doctor', '--json')).stdout);
  assert.equal(json.ok, false);
});

test('given a restart without the remedy, the chain stands still at the same message', async () => {
  await restartAudit();
  await eventually(async () => assert.equal(JSON.parse(await internal('audit', '/readyz')).details.stopped_chains[0].seq, poison), {
    timeoutMs: 30_000,
  });
  assert.deepEqual(await rowOf(POISON), []);
  assert.deepEqual(await rowsOfAgent(behind), []);
});

test('given the remedy, the chain goes on with that very message, has no gap, and verifies', async () => {
  await writeFile(join(folder, 'installed'), '');
  await restartAudit();
  await eventually(async () => assert.equal((await rowsOfAgent(behind)).length, 1), { timeoutMs: 30_000 });
  assert.deepEqual(await rowOf(POISON), [{ owner: operatorId }]);
  const verified = await operator('GET', '/v1/audit/verify-chain');
  assert.equal(verified.status, 200);
  assert.equal(verified.body.valid, true, JSON.stringify(verified.body));
  await eventually(async () => assert.equal((await sallyport('doctor')).code, 0), { timeoutMs: 20_000 });
});

test('given a fact of another service on a subject of its own, nobody believes it and nothing stands still', async () => {
  const detectors = await busOf(platform, 'detectors');
  const forged = draft(memberRemoved, { member_id: 'mem_01kt16jmk8es8r65rzyjka792g', revoke_passports: false });
  const seq = await writeFacts(detectors, aggregateSubject(operatorId, 'signal', 'forged'), operatorId, [forged]);
  await detectors.close();
  const listed = (limit: number, from: string): Promise<Answer['body']> =>
    eventually(async () => {
      const { status, body } = await operator('GET', `/v1/audit?limit=${limit}`, undefined, { 'x-min-event-seq': from });
      assert.equal(status, 200, JSON.stringify(body));
      return body;
    });
  const body = await listed(100, String(seq));
  assert.deepEqual(
    body.entries.filter((row: { action: string }) => row.action === 'member.remove'),
    [],
  );
  const made = await operator('POST', '/v1/agents/register', { name: 'after-the-forgery' });
  const rows = await listed(1, made.headers.get('x-event-seq') ?? '');
  assert.equal(rows.entries[0]?.agent_id, made.body.id);
});

test('given a rebuild from the command line, every row and hash is as before', async () => {
  const all = async (): Promise<string[]> =>
    (await witness.query<{ row: string }>('select row::text as row from audit.rows order by operator_id, seq')).map(({ row }) => row);
  const before = await all();
  assert.ok(before.length > 2, String(before.length));
  await witness.query(`delete from audit.rows where operator_id = '${operatorId}' and seq = 2`);
  const { code, stderr, stdout } = await sallyport('admin', 'rebuild', 'audit.rows', '--timeout', '60');
  assert.equal(code, 0, stderr + stdout);
  assert.deepEqual(await all(), before);
  assert.match((await sallyport('admin', 'rebuild')).stdout, /audit\.rows/);
  assert.equal((await sallyport('admin', 'rebuild', 'audit.nothing')).code, 5);
  assert.ok((await streamInfo(witness.bus, LEDGER)).state.last_seq > poison);
});
