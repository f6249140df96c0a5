/** Missions (api.md §7). */
import { Type } from 'typebox';
import { IssuedPassport, issueFields, IssueFields, Mission, MISSION_STATES, MissionFields, missionFields } from '../objects/passport.ts';
import { E_CREATE, E_ID, E_READ, E_WRITE, operation } from '../operation.ts';
import { idOf, nullable, oneOf, opt, Time } from '../schema.ts';

const missionId = Type.Object({ id: Type.String() });

export const openMission = operation({
  name: 'missions.open',
  owner: 'passports',
  summary: 'Open a mission',
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/missions', status: 201 },
  creates: true,
  single_use: true,
  body: Type.Object({ agent_id: opt(Type.String()), ...missionFields }),
  response: Mission,
  errors: [...E_CREATE, ...E_ID, 'PASSPORT_BLOCKED'],
});

export const startMission = operation({
  name: 'missions.start',
  owner: 'passports',
  summary: 'Open a mission and issue its passport',
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/missions/start', status: 201 },
  creates: true,
  single_use: true,
  body: Type.Object({
    agent_id: Type.String(),
    mission: MissionFields,
    passport: opt(IssueFields),
    fleet_policy_id: opt(Type.Literal('')),
  }),
  response: Type.Object({ mission_id: idOf('mission'), claim_id: Type.String(), expires_at: Time, passport: IssuedPassport }),
  errors: [...E_CREATE, ...E_ID, 'PASSPORT_BLOCKED', 'ACCOUNTABILITY_REQUIRED', 'SCOPE_ESCALATION', 'MISSION_ENDED'],
});

export const renewMission = operation({
  name: 'missions.renew',
  owner: 'passports',
  summary: "A fresh passport of the same mission, by default with the last one's intent and scope",
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/missions/:id/renew', status: 200 },
  single_use: true,
  params: missionId,
  body: Type.Object({ agent_id: opt(Type.String()), ...issueFields }),
  response: startMission.response,
  errors: [...E_WRITE, ...E_ID, 'PASSPORT_BLOCKED', 'ACCOUNTABILITY_REQUIRED', 'SCOPE_ESCALATION', 'MISSION_ENDED'],
});

const ended = {
  mission_id: idOf('mission'),
  claim_id: Type.String(),
  terminal_state: Type.String(),
  transitioned: Type.Boolean(),
  revoked_count: Type.Integer(),
};
export const completeMission = operation({
  name: 'missions.complete',
  owner: 'passports',
  summary: 'End a mission with success; its passports die',
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/missions/:id/complete', status: 200 },
  single_use: true,
  params: missionId,
  body: Type.Object({ output: opt(Type.Record(Type.String(), Type.Unknown())) }),
  response: Type.Object({ ...ended, completed_at: Time }),
  errors: [...E_WRITE, ...E_ID],
});
export const revokeMission = operation({
  name: 'missions.revoke',
  owner: 'passports',
  summary: 'Revoke a mission; its passports die',
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/missions/:id/revoke', status: 200 },
  single_use: true,
  params: missionId,
  body: Type.Object({ reason: oneOf(['adversarial', 'operator_initiated_clean']), notes: opt(Type.String()) }),
  response: Type.Object({ ...ended, revoked_at: Time }),
  errors: [...E_WRITE, ...E_ID],
});

export const listMissions = operation({
  name: 'missions.list',
  owner: 'passports',
  summary: 'List missions',
  who: ['R', 'G'],
  scope: 'passports:read',
  http: { method: 'GET', path: '/v1/missions', status: 200 },
  query: Type.Object({
    status: opt(oneOf(MISSION_STATES)),
    page: opt(Type.Integer({ minimum: 1 })),
    limit: opt(Type.Integer({ minimum: 1, maximum: 100 })),
    agent_id: opt(Type.String()),
    session_id: opt(Type.String()),
    review_status: opt(oneOf(['clean', 'flagged', 'blocked'])),
    since: opt(Time),
    implicit: opt(Type.Boolean()),
    cursor: opt(Type.String({ maxLength: 512 })),
  }),
  response: Type.Object({ items: Type.Array(Mission), next_cursor: nullable(Type.String()) }),
  errors: E_READ,
});
export const getMission = operation({
  name: 'missions.get',
  owner: 'passports',
  summary: 'One mission',
  who: ['R', 'G'],
  scope: 'passports:read',
  http: { method: 'GET', path: '/v1/missions/:id', status: 200 },
  params: missionId,
  response: Mission,
  errors: [...E_READ, ...E_ID],
});

/** One thing that happened in a mission, oldest first. `type` is that of the fact; `entry_id` its audit row. */
export const Activity = Type.Object({
  at: Time,
  type: Type.String(),
  entry_id: Type.String(),
  jti: nullable(Type.String()),
  summary: Type.String(),
});
export const replayMission = operation({
  name: 'missions.replay',
  owner: 'passports',
  summary: 'What happened in a mission',
  who: ['R', 'G'],
  scope: 'passports:read',
  http: { method: 'GET', path: '/v1/missions/:id/replay', status: 200 },
  params: missionId,
  query: Type.Object({ limit: opt(Type.Integer({ minimum: 1, maximum: 200 })), cursor: opt(Type.String({ maxLength: 512 })) }),
  response: Type.Object({
    mission_id: idOf('mission'),
    status: oneOf(MISSION_STATES),
    items: Type.Array(Activity),
    next_cursor: nullable(Type.String()),
  }),
  errors: [...E_READ, ...E_ID, 'AUDIT_UNAVAILABLE'],
});
export const operatorReviews = operation({
  name: 'missions.operator_reviews',
  owner: 'passports',
  summary: 'Signed operator reviews of a mission; none before signed claims exist',
  who: ['R', 'G'],
  scope: 'passports:read',
  http: { method: 'GET', path: '/v1/missions/:id/operator-reviews', status: 200 },
  params: missionId,
  response: Type.Object({ items: Type.Array(Type.Unknown()) }),
  errors: [...E_READ, ...E_ID],
});
export const downloadOperatorReview = operation({
  name: 'missions.download_operator_review',
  owner: 'passports',
  summary: 'A signed operator review; none before signed claims exist',
  who: ['R', 'G'],
  scope: 'passports:read',
  http: { method: 'GET', path: '/v1/missions/:id/operator-reviews/:claim_id/download', status: 200 },
  params: Type.Object({ id: Type.String(), claim_id: Type.String() }),
  response: Type.Unknown(),
  errors: [...E_READ, ...E_ID],
});
