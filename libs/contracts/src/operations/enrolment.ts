/** What the page `/sdk-bootstrap` asks: who wants to enrol, and a signed-in person's answer (api.md §5.2). No HTTP of their own. */
import { Type } from 'typebox';
import { Agent } from '../objects/agent.ts';
import { operation } from '../operation.ts';
import { idOf, text, Time } from '../schema.ts';

/** What the asking process says of itself. */
const Asking = Type.Object({ agent_id: Type.String(), machine: text(0, 80), process: text(0, 80) });
const errors = ['INVALID_REQUEST', 'UNAUTHORIZED', 'FORBIDDEN', 'NOT_FOUND', 'AUDIT_UNAVAILABLE', 'INTERNAL_ERROR'] as const;

export const enrolmentRequest = operation({
  name: 'enrolment.request',
  owner: 'passports',
  summary: 'The agent that a process wants to enrol, as its operator sees it',
  who: ['S'],
  asked_by: ['gateway'],
  body: Type.Object({ agent_id: Type.String() }),
  response: Type.Object({ agent: Agent, operator_name: Type.String(), email: Type.String(), live_passports: Type.Integer() }),
  errors,
});

export const approveEnrolment = operation({
  name: 'enrolment.approve',
  owner: 'passports',
  summary: 'A ticket for one challenge and one enrolment of this agent; from a session alone',
  who: ['S'],
  asked_by: ['gateway'],
  secret_out: ['ticket'],
  body: Asking,
  response: Type.Object({ ticket: Type.String(), agent_id: idOf('agent'), expires_at: Time }),
  errors,
});

export const denyEnrolment = operation({
  name: 'enrolment.deny',
  owner: 'passports',
  summary: 'Record that the enrolment was refused; from a session alone',
  who: ['S'],
  asked_by: ['gateway'],
  body: Asking,
  response: Type.Object({ denied: Type.Boolean() }),
  errors,
});
