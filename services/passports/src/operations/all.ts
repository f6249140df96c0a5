/** Every operation of this service; what the contract names and nobody handles ends the start. */
import type { Handler } from '@sallyport/bus/rpc.ts';
import * as agents from '@sallyport/contracts/operations/agents.ts';
import * as missions from '@sallyport/contracts/operations/missions.ts';
import * as operators from '@sallyport/contracts/operations/operator.ts';
import * as passports from '@sallyport/contracts/operations/passports.ts';
import { connectionHolders } from '@sallyport/contracts/operations/services.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import { handlers, type HandlerDeps } from '@sallyport/service-kit/handler.ts';
import type { SecretFields } from '@sallyport/service-kit/secret-fields.ts';
import type { Deps } from '../deps.ts';
import { isRecord, withFieldIdempotency } from '../field-idempotency.ts';
import { agentPermissionsOperation } from './agent-permissions.ts';
import { bootstrapOperation } from './bootstrap.ts';
import { checkoutOperation } from './checkout-passport.ts';
import { checkpointOperation } from './checkpoint-passport.ts';
import { createOperatorOperation } from './create-operator.ts';
import { delegatePassportOperation } from './delegation/delegate-passport.ts';
import { refreshPassportOperation } from './delegation/refresh-passport.ts';
import { renewMissionOperation } from './delegation/renew-mission.ts';
import { deleteAgentOperation } from './delete-agent.ts';
import { completeMissionOperation, revokeMissionOperation } from './end-mission.ts';
import { enrolmentOperations } from './enrolment/register.ts';
import { freezeOperation } from './freeze.ts';
import { getAgentOperation } from './get-agent.ts';
import { getMissionOperation } from './get-mission.ts';
import { getOperatorOperation } from './get-operator.ts';
import { getPassportOperation } from './get-passport.ts';
import { grantAccessOperation } from './grant-access.ts';
import { issuePassportOperation } from './issue-passport.ts';
import { jwksOperation } from './jwks.ts';
import { listAgentsOperation } from './list-agents.ts';
import { listMissionsOperation } from './list-missions.ts';
import { listPassportsOperation } from './list-passports.ts';
import { openMissionOperation } from './open-mission.ts';
import { putGrantOperation } from './put-grant.ts';
import { registerAgentOperation } from './register-agent.ts';
import { removeGrantOperation } from './remove-grant.ts';
import { removeGrantsOperation } from './remove-grants.ts';
import { downloadOperatorReviewOperation, operatorReviewsOperation } from './reports/operator-reviews.ts';
import { passportReportOperation } from './reports/passport-report.ts';
import { replayMissionOperation } from './reports/replay-mission.ts';
import { resolveAgentOperation, resolveOperatorOperation, resolvePrincipalOperation } from './resolve-identity.ts';
import { resolvePassportOperation } from './resolve-passport.ts';
import { revokeAccessOperation } from './revoke-access.ts';
import { revokeAgentOperation } from './revoke-agent.ts';
import { revokeAllOperation } from './revoke-all.ts';
import { revokeHoldersOperation } from './revoke-holders.ts';
import { revokePassportOperation } from './revoke-passport.ts';
import { revokeSessionOperation } from './revoke-session.ts';
import { rotateKeyOperation } from './rotate-key.ts';
import { onSignIn } from './sign-in/register.ts';
import { startMissionOperation } from './start-mission.ts';
import { teamOperations } from './team/register.ts';
import { unblockAgentOperation } from './unblock-agent.ts';
import { updateAgentOperation } from './update-agent.ts';
import { updateOperatorOperation } from './update-operator.ts';
import { verifyPassportOperation } from './verify-passport.ts';
import { registerKeys } from './keys/register.ts';
import { registerReviews } from './reviews/register.ts';

export function allOperations(
  deps: Deps,
  handling: Omit<HandlerDeps, 'service' | 'secrets'> & { secrets: SecretFields },
): Record<string, Handler> {
  const made = handlers({ ...handling, service: 'passports' })
    .on(operators.passportsSealKey, async ({ operation }) => success(operation, { key: handling.secrets.public_jwk }))
    .on(operators.bootstrap, bootstrapOperation(deps))
    .on(operators.createOperator, createOperatorOperation(deps))
    .on(operators.getOperator, getOperatorOperation(deps))
    .on(operators.updateOperator, updateOperatorOperation(deps))
    .on(operators.rotateKey, rotateKeyOperation(deps))
    .on(operators.freeze, freezeOperation(deps, true))
    .on(operators.unfreeze, freezeOperation(deps, false))
    .on(operators.principalResolve, resolvePrincipalOperation(deps))
    .on(operators.operatorResolve, resolveOperatorOperation(deps))
    .on(agents.registerAgent, registerAgentOperation(deps))
    .on(agents.listAgents, listAgentsOperation(deps))
    .on(agents.getAgent, getAgentOperation(deps))
    .on(agents.updateAgent, updateAgentOperation(deps))
    .on(agents.deleteAgent, deleteAgentOperation(deps))
    .on(agents.unblockAgent, unblockAgentOperation(deps))
    .on(agents.agentPermissions, agentPermissionsOperation(deps))
    .on(agents.grantAccess, grantAccessOperation(deps))
    .on(agents.revokeAccess, revokeAccessOperation(deps))
    .on(agents.putGrant, putGrantOperation(deps))
    .on(agents.removeGrant, removeGrantOperation(deps))
    .on(agents.removeGrants, removeGrantsOperation(deps))
    .on(agents.agentResolve, resolveAgentOperation(deps))
    .on(missions.openMission, openMissionOperation(deps))
    .on(missions.startMission, startMissionOperation(deps))
    .on(missions.renewMission, renewMissionOperation(deps))
    .on(missions.replayMission, replayMissionOperation(deps))
    .on(missions.operatorReviews, operatorReviewsOperation(deps))
    .on(missions.downloadOperatorReview, downloadOperatorReviewOperation(deps))
    .on(missions.completeMission, completeMissionOperation(deps))
    .on(missions.revokeMission, revokeMissionOperation(deps))
    .on(missions.getMission, getMissionOperation(deps))
    .on(missions.listMissions, listMissionsOperation(deps))
    .on(passports.issuePassport, issuePassportOperation(deps))
    .on(passports.delegatePassport, delegatePassportOperation(deps))
    .on(passports.refreshPassport, refreshPassportOperation(deps))
    .on(passports.passportReport, passportReportOperation(deps))
    .on(passports.verifyPassport, verifyPassportOperation(deps))
    .on(passports.listActivePassports, listPassportsOperation(deps))
    .on(passports.getPassport, getPassportOperation(deps))
    .on(passports.checkpoint, checkpointOperation(deps))
    .on(passports.checkout, checkoutOperation(deps))
    .on(passports.revokePassport, revokePassportOperation(deps))
    .on(passports.revokeAgentPassports, revokeAgentOperation(deps))
    .on(passports.revokeSession, revokeSessionOperation(deps))
    .on(passports.revokeAll, revokeAllOperation(deps))
    .on(passports.jwks, jwksOperation(deps))
    .on(passports.passportResolve, resolvePassportOperation(deps))
    .on(connectionHolders, revokeHoldersOperation(deps));
  enrolmentOperations(deps, made);
  registerKeys(made, deps);
  teamOperations(deps, made);
  registerReviews(made, deps);
  onSignIn(made, deps, handling.authenticate);
  const missing = made.missing();
  if (missing.length > 0) throw new Error(`operations without handler: ${missing.join(', ')}`);
  const all = made.all();
  return {
    ...all,
    ...keyed(all, missions.openMission.name, (body) => body['idempotency_key']),
    ...keyed(all, missions.startMission.name, (body) => (isRecord(body['mission']) ? body['mission']['idempotency_key'] : undefined)),
  };
}

function keyed(all: Record<string, Handler>, name: string, fieldOf: (body: Record<string, unknown>) => unknown): Record<string, Handler> {
  const handler = all[name];
  return handler ? { [name]: withFieldIdempotency(handler, fieldOf) } : {};
}
