/**
 * `passport.resolve` (architecture, "Views"): all that a gateway or vault must know about a passport, read at the log's leader. The position is one that the
 * leader was seen to have before anything was read, and not below the issue, behind which all else is read: every part is complete up to it.
 */
import type { passportResolve } from '@sallyport/contracts/operations/passports.ts';
import type { AccessView, PassportView, ResolvedPassport } from '@sallyport/contracts/objects/views.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { accessTo } from '../domain/access.ts';
import { GRANT, type GrantState } from '../domain/grant.ts';
import { type Family, lifeOf } from '../domain/life.ts';
import { type MissionState, statusBelow } from '../domain/mission.ts';
import { type IssuedPassportState, readAbove, readConnection, readFamily, readPassport } from '../reading.ts';

export function resolvePassportOperation(deps: Deps): OperationHandler<typeof passportResolve> {
  return async ({ operation, body: { operator_id, jti, min_seq } }) => {
    const met = await deps.ledger.readFrom(min_seq);
    const { load } = deps.ledger;
    const passport = isId('operator', operator_id) ? await readPassport(load, operator_id, jti) : null;
    if (!passport) return success(operation, null);
    const { issued } = passport;
    const [family, grants, ...connections] = await Promise.all([
      readFamily(load, operator_id, passport),
      load(GRANT, operator_id, issued.agent_id),
      ...issued.services.map(({ connection_id }) => readConnection(load, operator_id, connection_id)),
    ]);
    const position = Math.max(met, passport.issued_seq);
    const above = await readAbove(load, family.self.mission);
    return success(operation, resolved(passport, family, above, grants.state, connections, position, deps.clock.now()));
  };
}

function resolved(
  passport: IssuedPassportState,
  family: Family,
  above: readonly MissionState[],
  grants: GrantState,
  connections: (Connection | null)[],
  position: number,
  now: number,
): ResolvedPassport | null {
  const { issued } = passport;
  const { agent, mission } = family.self;
  const { settings, id, frozen, frozen_reason, signed_in } = family.operator;
  if (!agent.agent || !settings) return null;
  const record = agent.agent;
  const access = issued.services.map(({ connection_id }, index): [string, AccessView] => {
    const connection = connections[index] ?? null;
    const held = connection && record.status === 'active' ? accessTo(connection, record, grants, settings, now) : null;
    return [
      connection_id,
      {
        position,
        connection,
        grant: held && {
          explicit: held.explicit,
          scopes: held.scopes,
          constraints: held.constraints,
          any_of: held.any_of,
          approval: held.approval,
          approval_rule: held.approval_rule,
          expires_at_ms: held.expires_at_ms,
        },
      },
    ];
  });
  return {
    passport: passportView(passport, family, position, now),
    mission: {
      position,
      mission_id: mission.mission_id,
      state: statusBelow(mission, above, now),
      opened_seq: mission.opened_seq,
      opened_at_ms: mission.opened_at_ms,
      expires_at_ms: mission.expires_at_ms,
      caps: mission.caps,
      cap_behavior: mission.cap_behavior,
      ancestors: mission.ancestors,
      above: above.map(({ mission_id, opened_seq, opened_at_ms, caps, cap_behavior }) => ({
        mission_id,
        opened_seq,
        opened_at_ms,
        caps,
        cap_behavior,
      })),
    },
    agent: { position, agent: record },
    operator: { position, operator_id: id, frozen, frozen_reason, settings, signed_in },
    access: Object.fromEntries(access),
  };
}

function passportView(passport: IssuedPassportState, family: Family, position: number, now: number): PassportView {
  const { issued, operator_id, issued_seq } = passport;
  const life = lifeOf(family, now);
  return {
    position,
    jti: issued.jti,
    operator_id,
    agent_id: issued.agent_id,
    session_id: issued.session_id,
    mission_id: issued.mission_id,
    line: issued.line,
    issued_seq,
    accountability: issued.mode,
    state: life.state,
    reason: life.state === 'live' ? null : life.reason,
    expires_at_ms: life.expires_at_ms,
    cnf_jkt: issued.cnf_jkt,
    parents: issued.parents,
    delegation_depth: issued.depth,
    services: issued.services,
    intent_summary: issued.intent_summary,
    intent_services: issued.intent_services,
  };
}
