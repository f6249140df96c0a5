/** Sixteen clients that call and command through several gateways until they are told to stop; every answer is kept. */
import { eventually } from '@sallyport/testing/time.ts';
import { enrolledAgent, startMission } from '../support/agent.ts';
import type { Answer } from '../support/api.ts';
import type { ClientCall } from './checker.ts';
import { at, plainAgent, send, type World } from './world.ts';

const CLIENTS = 16;
const AIMED = 12;
const COMMANDS = 0.04;
const RETRY_MS = 20_000;
const PATIENCE_MS = 2_000;

export interface Load {
  /** Requests that wait for their answer, at one gateway or at all. */
  inFlight(gateway?: number): number;
  /** Three quarters of the clients use this gateway from now on; null: all in turn. */
  aim(gateway: number | null): void;
  /** Waits until at least this many calls are in flight; answers how many. */
  busy(least: number, gateway?: number): Promise<number>;
  /** Longest wait between two requests of a client. */
  pace(ms: number): void;
  stop(): Promise<void>;
}

/** The upstream takes its time while it runs, so that calls are in flight. */
export async function startLoad(world: World): Promise<Load> {
  Object.assign(world.upstream.delay, { from_ms: 100, to_ms: 300 });
  const waiting = new Map<number, number>();
  const gateways = world.operators.length;
  let aimed: number | null = null;
  let pauseMs = 20;
  let stopped = false;

  const gatewayOf = (client: number): number => (aimed !== null && client < AIMED ? aimed : Math.floor(world.random() * gateways));

  async function kept(gateway: number, sending: () => Promise<ClientCall>): Promise<ClientCall> {
    waiting.set(gateway, (waiting.get(gateway) ?? 0) + 1);
    const call = await sending();
    waiting.set(gateway, (waiting.get(gateway) ?? 0) - 1);
    world.calls.push(call);
    return call;
  }

  async function client(number: number): Promise<() => Promise<void>> {
    const setUp = at(world.operators, number);
    const withKey = number % 2 === 0;
    const agent = withKey ? await enrolledAgent(setUp, { name: `client-${number}`, accountability_mode: 'logged' }) : null;
    const id = agent?.id ?? (await plainAgent(setUp, `client-${number}`));
    const { passport } = await startMission(setUp, id, { expires_in_seconds: 7200 }, { ttl_seconds: 3600 });
    const bearer = (): string => agent?.jwt() ?? world.platform.apiKey;
    const common = (): { token: string; bearer: string } => ({ token: passport.token, bearer: bearer() });

    /** The same operation id until somebody can say what became of it. */
    async function operation(): Promise<void> {
      const marker = world.marker('op');
      const end = performance.now() + RETRY_MS;
      for (let gateway = gatewayOf(number); ; gateway = (gateway + 1) % gateways) {
        const call = await kept(gateway, () => send(world, gateway, { ...common(), method: 'POST', marker, operation: true }));
        const again = call.status === 0 || call.status >= 500 || call.reason === 'operation_in_progress';
        if (!again || performance.now() > end || stopped) return;
        await pause(100);
      }
    }

    return async () => {
      while (!stopped) {
        const what = world.random();
        if (what < COMMANDS) await command(world, () => gatewayOf(number), id, RETRY_MS);
        else if (what < 0.5) await operation();
        else {
          const gateway = gatewayOf(number);
          await kept(gateway, () => send(world, gateway, { ...common(), method: 'GET' }));
        }
        await pause(world.random() * pauseMs);
      }
    };
  }

  const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  const running = Promise.all(clients.map((run) => run()));
  const inFlight = (gateway?: number): number =>
    gateway === undefined ? [...waiting.values()].reduce((sum, count) => sum + count, 0) : (waiting.get(gateway) ?? 0);
  return {
    inFlight,
    aim: (gateway) => {
      aimed = gateway;
    },
    busy: async (least, gateway) => {
      await eventually(() => inFlight(gateway) >= least && world.upstream.open() > 0, { everyMs: 1 });
      return inFlight(gateway);
    },
    pace: (ms) => {
      pauseMs = ms;
    },
    stop: async () => {
      stopped = true;
      await running;
      Object.assign(world.upstream.delay, { from_ms: 0, to_ms: 10 });
    },
  };
}

/** Registers an agent or opens a mission under a name of its own, with one `Idempotency-Key`, until it is acknowledged or the time is over. */
export async function command(world: World, gatewayOf: () => number, agentId: string, limitMs: number, fixed?: Wanted): Promise<boolean> {
  const wanted = fixed ?? (world.random() < 0.5 ? 'agent.registered' : 'mission.opened');
  const name = world.marker('command');
  const entry = { type: wanted, name, id: null as string | null };
  world.commands.push(entry);
  const end = performance.now() + limitMs;
  do {
    const [path, body] =
      wanted === 'agent.registered' ? ['/v1/agents/register', { name }] : ['/v1/missions', { intent_summary: name, agent_id: agentId }];
    const answer = await write(world, gatewayOf(), path, body, name);
    if (answer?.status === 201) {
      entry.id = wanted === 'agent.registered' ? answer.body.id : answer.body.mission_id;
      return true;
    }
    if (answer && answer.status < 500 && answer.status !== 409) {
      world.wrong.push(`no command is refused for nothing: ${wanted}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return false;
    }
    await pause(100);
  } while (performance.now() < end);
  return false;
}

/** One control write that nobody waits for longer than `patienceMs`; null: no answer. */
export async function write(
  world: World,
  gateway: number,
  path: string,
  body: object,
  key?: string,
  patienceMs = PATIENCE_MS,
): Promise<Answer | null> {
  try {
    const response = await fetch(at(world.platform.gateways, gateway) + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${world.platform.apiKey}`,
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  } catch {
    return null;
  }
}

type Wanted = 'agent.registered' | 'mission.opened';

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
