/** Passports and what was delegated from them, each held by an enrolled agent, as the published client sends it (api.md §6). */
import assert from 'node:assert/strict';
import { eventually } from '@sallyport/testing/time.ts';
import { startMission, type TestAgent } from './agent.ts';
import { type Answer, type Api, apiOf, readSince } from './api.ts';

export interface HeldPassport {
  jti: string;
  token: string;
  mission_id: string;
  expires_at: string;
  session_id: string;
  delegation_depth: number;
}

/** A call to the issues of the sandbox at one gateway, by the agent itself. */
export function callIssues(gateway: string, by: TestAgent, { token }: { token: string }, method = 'GET', more = ''): Promise<Answer> {
  const issue = {
    service: 'github',
    method,
    url: `https://api.github.com/repos/acme/sandbox/issues${more}`,
    ...(method === 'POST' && { body: { title: 't' } }),
  };
  return apiOf(gateway, by.jwt())('POST', '/v1/proxy', issue, { 'x-passport-token': token });
}

export const outcomeOf = ({ status, body }: Answer): unknown[] =>
  status === 200 ? [200] : [status, body.error?.code, body.error?.metadata.reason];

/** What a call comes to. A gateway that meets a passport asks its owner, who may be busy for longer than it waits (503): then it is asked again, and only then. */
export async function cameTo(call: () => Promise<Answer>): Promise<unknown[]> {
  return eventually(async () => {
    const answer = await call();
    assert.notEqual(answer.status, 503, JSON.stringify(answer.body));
    return outcomeOf(answer);
  });
}

/**
 * All are refused at once. The words are the owner's: where it was silent for longer than a gateway waits, the refusal has none of its own (ADR 59), and who asks
 * again is told.
 */
export async function assertRevoked(calls: readonly (() => Promise<Answer>)[], reason: string): Promise<void> {
  const answers = await Promise.all(calls.map((call) => call()));
  const wanted = [401, 'PASSPORT_REVOKED', reason];
  for (const [index, call] of calls.entries()) {
    const told = outcomeOf(answers[index] ?? assert.fail());
    if (told[2] !== 'revoked') assert.deepEqual(told, wanted);
    assert.deepEqual(told.slice(0, 2), wanted.slice(0, 2));
    if (told[2] === 'revoked') await eventually(async () => assert.deepEqual(outcomeOf(await call()), wanted));
  }
}

/** With the scopes copied from the parent's token. */
export function delegate(by: Api, parent: { token: string }, child: TestAgent, more: object = {}): Promise<Answer> {
  const claims = JSON.parse(Buffer.from(parent.token.split('.')[1] ?? '', 'base64url').toString());
  const scopes = claims.stk.services.map((one: Record<string, unknown>) => ({
    service_connection_id: one['connection_id'],
    scopes: one['scopes'],
    ...('constraints' in one && { constraints: one['constraints'] }),
  }));
  return by('POST', '/v1/passports/delegate', { parent_passport_token: parent.token, child_agent_id: child.id, scopes, ...more });
}

/** A revocation counts what the read model has within 250 ms (api.md §11): waits until it has what this answer wrote. */
export async function counted(operator: Api, answer: Answer): Promise<void> {
  assert.equal((await readSince(operator, '/v1/passports/active', answer)).status, 200);
}

/** A root for the first agent, then one hop for each further one; what revokes them counts them all. */
export async function chainOf(operator: Api, agents: readonly TestAgent[], mission: Record<string, unknown> = {}): Promise<HeldPassport[]> {
  const [first, ...others] = agents;
  assert.ok(first);
  const started = await startMission(operator, first.id, mission);
  const passports: HeldPassport[] = [{ ...started.passport, mission_id: started.mission_id }];
  for (const child of others) {
    const made = await delegate(operator, passports.at(-1) ?? assert.fail(), child);
    assert.equal(made.status, 201, JSON.stringify(made.body));
    passports.push(made.body);
    if (child === others.at(-1)) await counted(operator, made);
  }
  return passports;
}
