/** Outcomes that nobody was told: the connection between a service and NATS breaks before or after a publish is stored, or falls silent. */
import assert from 'node:assert/strict';
import { eventually } from '@sallyport/testing/time.ts';
import { type ClientCall, nameOf, type StoredFact } from './checker.ts';
import { command, pause, write } from './load.ts';
import type { Fault } from './tcp-proxy.ts';
import { at, plainAgent, send, startMission, type World } from './world.ts';

const RETRY_MS = 20_000;
/** Sooner than the edge gives up. */
const ANSWERED_MS = 5_000;

function gatewayOf(name: string): number {
  return Number(name.split('-')[1] ?? 1) - 1;
}

/** A single message and a batch of the passport service, cut before and after: each command takes effect once. */
export async function cutCommands(world: World, types: readonly ('agent.registered' | 'mission.opened')[]): Promise<void> {
  const proxy = world.proxies.get('passports');
  assert.ok(proxy, 'passports reaches NATS through the test');
  const agent = await plainAgent(at(world.operators, 0), 'cut-commands');
  for (const wanted of types) {
    const subject = wanted === 'agent.registered' ? /HPUB ledger\.\d+\.\S+\.agent\./ : /HPUB ledger\.\d+\.\S+\.mission\./;
    for (const fault of ['cut', 'stored'] as const) {
      const met = proxy.next(subject, fault);
      assert.ok(await command(world, () => 0, agent, RETRY_MS, wanted), `${wanted} ${fault}`);
      await met;
      world.say(`passports cut from NATS, ${wanted}, ${fault === 'cut' ? 'before' : 'after'} its batch was stored: done once`);
    }
  }
  // Without an idempotency key the agent is one message, alone.
  for (const fault of ['cut', 'stored'] as const) {
    const name = world.marker('single');
    const met = proxy.next(/HPUB ledger\.\d+\.\S+\.agent\./, fault);
    const made = await write(world, 0, '/v1/agents/register', { name });
    await met;
    assert.ok(made === null || made.status === 201 || made.status === 503, JSON.stringify(made?.body));
    world.commands.push({ type: 'agent.registered', name, id: made?.status === 201 ? made.body.id : null });
    // Acknowledged or not: the owner sends it again until it knows, and it stands once.
    await eventually(async () => assert.equal((await opened(world, 'agent.registered', name)).length, 1));
    world.say(
      `passports cut from NATS, single message, ${fault === 'cut' ? 'before' : 'after'} it was stored: ${made?.status ?? 'no answer'}`,
    );
  }
}

/** An answer that is on its way when its owner's connection breaks, and one whose asker's connection broke meanwhile: it is heard, without another request. */
export async function cutAnswers(world: World, asker: string): Promise<void> {
  const ways = [
    { name: 'passports', pattern: /PUB late\.passports\.gateway\./, fault: 'cut' as const },
    { name: asker, pattern: /PUB op\.passports\.agents\.register/, fault: 'stored' as const },
  ];
  for (const { name, pattern, fault } of ways) {
    const proxy = world.proxies.get(name);
    assert.ok(proxy, `${name} reaches NATS through the test`);
    const marker = world.marker('answer');
    const met = proxy.next(pattern, fault);
    const begun = performance.now();
    const made = await write(world, gatewayOf(asker), '/v1/agents/register', { name: marker }, marker, ANSWERED_MS);
    await met;
    assert.equal(made?.status, 201, JSON.stringify(made?.body));
    world.commands.push({ type: 'agent.registered', name: marker, id: made?.body.id });
    const took = Math.round(performance.now() - begun);
    world.say(`${name} cut from NATS while the answer was under way: it came after ${took} ms`);
    await world.passing();
  }
}

/** A batch of three messages and more, cut after one and after two of them: all of it is there in the end, once, and never a part. */
export async function cutBatches(world: World): Promise<void> {
  const proxy = world.proxies.get('passports');
  assert.ok(proxy, 'passports reaches NATS through the test');
  const agent = await plainAgent(at(world.operators, 0), 'cut-batches');
  for (const after of [1, 2]) {
    const name = world.marker('batch');
    const met = proxy.next(/HPUB ledger\.\d+\.\S+\.mission\./, { after });
    const body = { agent_id: agent, mission: { intent_summary: name, intent_services: ['github'] } };
    const made = await write(world, 0, '/v1/missions/start', body, name);
    await met;
    assert.ok(made === null || made.status === 201 || made.status === 503, JSON.stringify(made?.body));
    world.commands.push({ type: 'mission.opened', name, id: made?.status === 201 ? made.body.mission_id : null });
    const [mission] = await eventually(async () => {
      const found = await opened(world, 'mission.opened', name);
      assert.equal(found.length, 1);
      return found;
    });
    const issued = (await facts(world)).filter(
      ({ type, data }) => type === 'passport.issued' && data['mission_id'] === mission?.data['mission_id'],
    );
    assert.equal(issued.length, 1, 'a mission stands with its passport');
    world.say(
      `passports cut from NATS after ${after} messages of a batch: all of it stands once; the answer was ${made?.status ?? 'lost'}`,
    );
  }
}

async function facts(world: World): Promise<StoredFact[]> {
  return (await world.witness.stream()).flatMap((message) => message.facts);
}

async function opened(world: World, wanted: 'agent.registered' | 'mission.opened', name: string): Promise<StoredFact[]> {
  return (await facts(world)).filter((fact) => fact.type === wanted && nameOf(fact)?.name === name);
}

/** A call of the gateway that reaches NATS through the test, cut before, cut after or made silent; then the same operation at another. */
export async function cutCalls(world: World, name: string, faults: readonly Extract<Fault, string>[]): Promise<void> {
  const proxy = world.proxies.get(name);
  assert.ok(proxy, `${name} reaches NATS through the test`);
  const gateway = gatewayOf(name);
  const agent = await plainAgent(at(world.operators, 0), 'cut-calls');
  const { passport } = await startMission(at(world.operators, 0), agent, { expires_in_seconds: 7200 }, { ttl_seconds: 3600 });
  const common = { token: passport.token, bearer: world.platform.apiKey, method: 'POST' as const, operation: true };
  for (const fault of faults) {
    await eventually(async () => (await send(world, gateway, common)).status === 200);
    const marker = world.marker('cut');
    const pattern = /HPUB ledger\.\d+\.calls\./;
    const met = proxy.next(pattern, fault);
    const calls: ClientCall[] = [await send(world, gateway, { ...common, marker })];
    await met;
    const end = performance.now() + RETRY_MS;
    while (calls.at(-1)?.status !== 200 && calls.at(-1)?.reason !== 'not_replayable' && performance.now() < end) {
      calls.push(await send(world, gateway + calls.length, { ...common, marker }));
      await pause(50);
    }
    world.calls.push(...calls);
    const told = calls.map(({ status, reason, code }) => `${status} ${reason ?? code ?? ''}`.trim()).join(', ');
    const went = world.upstream.log.filter(({ digest }) => digest === calls[0]?.digest).length;
    assert.equal(went, 1, `${fault}: ${told}`);
    assert.ok(
      calls.some(({ status }) => status === 200),
      `${fault}: ${told}`,
    );
    if (fault === 'mute') assert.equal(calls[0]?.status, 503, told);
    world.say(`${name} and NATS, ${fault}: one call went; answers: ${told}; calls pass after ${await world.passing()} ms`);
  }
}
