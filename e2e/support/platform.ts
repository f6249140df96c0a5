/**
 * A platform for a test file, and as many operators in it as the tests want: an operator of its own costs milliseconds, a platform seconds.
 * Under the runner all files that ask for nothing special share one (`TEST_PLATFORM`), with two gateways; a file that runs alone starts it for itself.
 * Whoever kills or pauses a process, or looks at what is not one operator's, says `own`: there it does what it likes.
 *
 *   const platform = testPlatform();                     // at the top of the file: is there before its tests, and stops after them when it is its own
 *   test('…', async () => {
 *     const acme = await platform.newOperator();         // { operator_id, api_key, owner, api }
 *     await acme.api('POST', '/v1/agents/register', { name: 'bot' });
 *     const ada = await acme.memberKey('standard', ['github']);   // { member_id, email, api_key, api, signIn() }
 *   });
 *
 * `memberKey` needs an operator in its first run (nobody has signed in): later an invitation takes a person, so make the keys first.
 * Hooks of the root run side by side: a `before` of the file awaits `ready()` first.
 * Rate limits are off unless `env` says otherwise. What a field holds before the platform has started is empty: read it inside tests.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { createOperator } from '@sallyport/contracts/operations/operator.ts';
import { loginLink } from '@sallyport/contracts/operations/sign-in.ts';
import { connectHost, type Host } from '@sallyport/service-kit/host.ts';
import type { SharedPlatform } from '@sallyport/local/test-platform.ts';
import { type Constellation, type ConstellationOptions, constellation } from '@sallyport/testing/constellation.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Answer, type Api, apiOf } from './api.ts';
import { busOf } from './host.ts';
import { type SignedIn, signIn } from './sign-in.ts';

export type TestRole = 'readonly' | 'standard' | 'admin' | 'owner';

export interface TestMember {
  member_id: string;
  email: string;
  api_key: string;
  /** With the member's key. */
  api: Api;
  /** By a link from the host: another session each time. The first of an operator's members ends its first run. */
  signIn(): Promise<SignedIn>;
}

export interface TestOperator {
  operator_id: string;
  api_key: string;
  owner: { id: string; email: string };
  /** Signs the owner in, once, within 15 minutes; that ends the operator's first run. */
  login_url: string;
  /** With the operator's key. */
  api: Api;
  /** A member who was invited and has accepted. `allowed`: connection ids or provider slugs; left out: all. */
  memberKey(role: TestRole, allowed?: string[]): Promise<TestMember>;
}

export interface TestPlatform {
  /** The first gateway. */
  readonly baseUrl: string;
  readonly gateways: string[];
  /** For a `before` of the file, which starts beside the platform's. */
  ready(): Promise<void>;
  /** `kill` and `processes` only of its own. */
  readonly constellation: TestConstellation;
  newOperator(name?: string): Promise<TestOperator>;
  /** As the administrator on the host; the answer's body, whatever it is. Throws for a refusal. */
  asHost(operation: Operation, body: unknown): Promise<Answer['body']>;
  /** On the bus as a service, to give the log what a test cannot wait for (`support/host.ts`). */
  bus(user: string): Promise<Bus>;
  /** Any bearer, or none. */
  api(bearer?: string, gateway?: number): Api;
}

type TestConstellation = Omit<Constellation, 'apiKey'>;
export type TestPlatformOptions = ConstellationOptions & {
  own?: boolean;
  /** The link that was sent to this address, where `env` sets a mail server. */
  mailed?: (email: string) => Promise<string>;
};

let count = 0;

/** A person's address that nobody else has. */
export function newEmail(who = 'person'): string {
  return `${who}-${++count}-${process.pid}@example.com`;
}

function shared({ own, gateways = 1, ...special }: TestPlatformOptions): TestConstellation | undefined {
  const told = process.env['TEST_PLATFORM'];
  if (!told || own || gateways > 2 || Object.keys(special).length > 0) return undefined;
  const platform: SharedPlatform = JSON.parse(told);
  const forbidden = (): never => assert.fail('this platform is shared: ask for one of its own');
  return {
    ...platform,
    baseUrl: platform.gateways[0] ?? '',
    processes: forbidden,
    kill: forbidden,
    stop: () => Promise.resolve(),
  };
}

export function testPlatform({ mailed, ...options }: TestPlatformOptions = {}): TestPlatform {
  let started: TestConstellation | undefined;
  let host: Host | undefined;
  const ready = Promise.withResolvers<void>();
  // Told by the hook itself as well.
  ready.promise.catch(() => undefined);
  const up = (): TestConstellation => started ?? assert.fail('the platform is read before its tests run');

  before(async () => {
    try {
      started = shared(options) ?? (await constellation({ ...options, env: { SALLYPORT_RATE_LIMITS: 'off', ...options.env } }));
      const password_file = join(started.dataDir, 'secrets', 'nats', 'host');
      host = await connectHost({ nats_url: started.natsUrl, password_file, log: silent });
      ready.resolve();
    } catch (error) {
      ready.reject(error);
      throw error;
    }
  });
  const buses = new Map<string, Promise<Bus>>();
  after(async () => {
    for (const bus of buses.values()) await (await bus).close();
    await host?.close();
    await started?.stop();
  });

  const asHost: TestPlatform['asHost'] = async (operation, body) => {
    const answer = await (host ?? assert.fail('the platform is asked before its tests run')).ask(operation, body);
    assert.ok(answer.ok, `${operation.name}: ${JSON.stringify(answer)}`);
    return answer.reply.body;
  };
  const api: TestPlatform['api'] = (bearer, gateway = 0) => apiOf(up().gateways[gateway] ?? '', bearer);

  return {
    get baseUrl() {
      return up().baseUrl;
    },
    get gateways() {
      return up().gateways;
    },
    get constellation() {
      return up();
    },
    ready: () => ready.promise,
    asHost,
    bus: (user) => {
      const bus = buses.get(user) ?? busOf(up(), user);
      buses.set(user, bus);
      return bus;
    },
    api,
    newOperator: async (name = 'Acme') => {
      const made = await asHost(createOperator, { name, owner_email: newEmail('owner'), owner_name: 'Olivia' });
      const { operator, owner, api_key, login_url } = made;
      const operatorApi = api(api_key);
      return {
        operator_id: operator.id,
        api_key,
        login_url,
        owner: { id: owner.id, email: owner.email },
        api: operatorApi,
        memberKey: async (role, allowed) => {
          const email = newEmail(role);
          const invitation = { email, name: role, role, ...(allowed && { allowed_connections: allowed }) };
          const invited = await operatorApi('POST', '/v1/team/members', invitation);
          assert.equal(invited.status, 201, JSON.stringify(invited.body));
          const { id: member_id } = invited.body;
          const invite_url = mailed ? await mailed(email) : invited.body.invite_url;
          const token = new URL(invite_url).searchParams.get('token');
          const accepted = await api()('POST', `/v1/team/members/${member_id}/accept`, { token });
          assert.equal(accepted.status, 200, JSON.stringify(accepted.body));
          const { api_key: key } = accepted.body;
          // Addresses are looked up in a read model, which may be some milliseconds behind the acceptance.
          const link = (): Promise<string> => eventually(async () => (await asHost(loginLink, { email })).links[0].login_url);
          return { member_id, email, api_key: key, api: api(key), signIn: async () => signIn(up().baseUrl, await link()) };
        },
      };
    },
  };
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
