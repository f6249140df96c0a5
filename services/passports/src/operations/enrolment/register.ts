/** Enrolment: challenge and key by an agent's process, consent by a person. */
import * as agents from '@sallyport/contracts/operations/agents.ts';
import * as enrolment from '@sallyport/contracts/operations/enrolment.ts';
import type { Handlers } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { approveEnrolmentOperation, denyEnrolmentOperation } from './approve-enrolment.ts';
import { challengeAgentOperation } from './challenge-agent.ts';
import { enrolAgentOperation } from './enrol-agent.ts';
import { enrolmentRequestOperation } from './enrolment-request.ts';

export function enrolmentOperations(deps: Deps, made: Handlers): Handlers {
  return made
    .on(agents.enrolmentChallenge, challengeAgentOperation(deps))
    .on(agents.enrolAgent, enrolAgentOperation(deps))
    .on(enrolment.enrolmentRequest, enrolmentRequestOperation(deps))
    .on(enrolment.approveEnrolment, approveEnrolmentOperation(deps))
    .on(enrolment.denyEnrolment, denyEnrolmentOperation(deps));
}
