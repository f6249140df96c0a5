/** Passports and what was delegated from them, each held by an enrolled agent, as the published client sends it (api.md §6). */
import assert from 'node:assert/strict';
import { eventually } from '@sallyport/testing/time.ts';
import { startMission, type TestAgent } from './agent.ts';
import { type Answer, type Api, apiOf } from './api.ts';

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
export async function counted(operator: Api, { headers }: Answer): Promise<void> {
  const seen = { 'x-min-event-seq': headers.get('x-event-seq') ?? assert.fail('nothing was written') };
  await eventually(async () => assert.equal((await operator('GET', '/v1/passports/active', undefined, seen)).status, 200));
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
