/** States and inputs for the domain's tests, made by the domain's own functions. */
import type { DraftFact, Fact, Position } from '@sallyport/contracts/fact.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import { DEFAULT_SETTINGS } from '@sallyport/contracts/objects/operator.ts';
import type { IssueFields } from '@sallyport/contracts/objects/passport.ts';
import { type Access, accessTo } from '../../src/domain/access.ts';
import { newAgent } from '../../src/domain/agent-settings.ts';
import { decideIssue, type IssueInput, type IssueOutcome } from '../../src/domain/issue.ts';
import type { Issued } from '../../src/domain/passport.ts';
import { connectionOf } from '../support/platform.ts';

export const NOW = Date.parse('2026-06-01T09:00:00.000Z');

export function fold<S>(kind: { initial(): S; evolve(state: S, fact: Fact, at: Position): S }, facts: DraftFact[], from = 1): S {
  return facts.reduce(
    (state, { data, ...draft }, index) =>
      kind.evolve(
        state,
        { id: `evt_${index}`, at: NOW, operator_id: 'op_1', actor: { type: 'system', id: 'test' }, data, ...draft },
        { seq: from + index, index: 0, ts_ms: NOW + index },
      ),
    kind.initial(),
  );
}

export function agentOf(more: Partial<Agent> = {}): Agent {
  const made = { id: 'agt_1', operator_id: 'op_1', now_ms: NOW, created_by: { type: 'operator', id: 'op_1' } };
  return { ...newAgent({ name: 'bot' }, DEFAULT_SETTINGS, made), ...more };
}

export function implicitAccess(provider: string, more: Parameters<typeof connectionOf>[1] = {}): Access {
  const access = accessTo(connectionOf(provider, more), agentOf(), { grants: {} }, DEFAULT_SETTINGS, NOW);
  if (!access) throw new Error('no access');
  return access;
}

export function issue(fields: IssueFields, more: Partial<IssueInput> = {}): IssueOutcome {
  return decideIssue({
    agent: agentOf(),
    access: [implicitAccess('github'), implicitAccess('slack')],
    mission: {
      mission_id: 'ms_1',
      intent_summary: 'Triage open issues in acme/sandbox',
      intent_services: ['github'],
      expires_at_ms: NOW + 900_000,
    },
    fields,
    now_ms: NOW,
    jti: 'ppt_1',
    session_id: 'ses_1',
    kid: 'kid',
    issuer: 'http://127.0.0.1:8787',
    issued_by: { type: 'operator', id: 'op_1' },
    ...more,
  });
}

export function issuedOf(fields: IssueFields = {}, more: Partial<IssueInput> = {}): Issued {
  const outcome = issue(fields, more);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.denial));
  return outcome.issued;
}
