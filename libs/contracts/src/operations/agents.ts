/** Agents, enrolment, grants (api.md §5). */
import { Type } from 'typebox';
import { Grant, GrantInput } from '../objects/access.ts';
import { Agent, BindResources, CredentialAccess, KeyMode, Mode, OnFinding } from '../objects/agent.ts';
import { AgentView } from '../objects/views.ts';
import { E_CREATE, E_ID, E_READ, E_WRITE, operation } from '../operation.ts';
import { idOf, nullable, opt, oneOf, strict, text, Time } from '../schema.ts';

const agentId = Type.Object({ id: Type.String() });
const name = Type.String({ pattern: '^[a-z0-9][a-z0-9\\-]*[a-z0-9]$', minLength: 2, maxLength: 64 });
/** Shown as an image: nothing that a browser would run. */
const IconUrl = Type.String({
  pattern: '^(https?://[^\\s]+|data:image/[^\\s]+)$',
  maxLength: 100_000,
  description: 'URL or data URI of an image',
});
const mutable = {
  description: opt(text(0, 256)),
  accountability_mode: opt(Mode),
  on_warning: opt(OnFinding),
  on_critical: opt(OnFinding),
  bind_resources: opt(BindResources),
  credential_access: opt(CredentialAccess),
  llm_inject_system_prompt: opt(Type.Boolean()),
  llm_redact_pii: opt(Type.Boolean()),
  icon_url: opt(IconUrl),
  allowed_connections: opt(Type.Array(idOf('connection'), { maxItems: 1000 })),
  max_mission_seconds: opt(Type.Integer({ minimum: 3600, maximum: 86400 })),
};

export const registerAgent = operation({
  name: 'agents.register',
  owner: 'passports',
  summary: 'Register an agent',
  who: ['S'],
  scope: 'agents:write',
  http: { method: 'POST', path: '/v1/agents/register', status: 201 },
  creates: true,
  single_use: true,
  body: Type.Object({ name, ...mutable, profile: opt(oneOf(['proxied-llm-bot'])), key_mode: opt(KeyMode) }),
  response: Agent,
  errors: E_CREATE,
});

export const listAgents = operation({
  name: 'agents.list',
  owner: 'passports',
  summary: 'List agents',
  who: ['R'],
  scope: 'agents:read',
  http: { method: 'GET', path: '/v1/agents', status: 200 },
  query: Type.Object({
    limit: opt(Type.Integer({ minimum: 1, maximum: 100 })),
    cursor: opt(Type.String({ maxLength: 512 })),
    status: opt(oneOf(['active', 'suspended', 'deleted'])),
    name: opt(Type.String()),
  }),
  response: Type.Array(Agent),
  errors: E_READ,
});

export const getAgent = operation({
  name: 'agents.get',
  owner: 'passports',
  summary: 'One agent',
  who: ['R', 'G'],
  scope: 'agents:read',
  http: { method: 'GET', path: '/v1/agents/:id', status: 200 },
  params: agentId,
  response: Agent,
  errors: [...E_READ, ...E_ID],
});

export const updateAgent = operation({
  name: 'agents.update',
  owner: 'passports',
  summary: 'Change an agent; suspending revokes its live passports',
  who: ['S'],
  scope: 'agents:write',
  http: { method: 'PATCH', path: '/v1/agents/:id', status: 200 },
  single_use: true,
  params: agentId,
  body: Type.Object({ name: Type.Optional(name), status: Type.Optional(oneOf(['active', 'suspended'])), ...mutable }),
  response: Agent,
  errors: [...E_WRITE, ...E_ID, 'GOVERNANCE_APPROVAL_REQUIRED'],
});

export const deleteAgent = operation({
  name: 'agents.delete',
  owner: 'passports',
  summary: 'Delete an agent and revoke its passports and missions',
  who: ['S'],
  scope: 'agents:write',
  http: { method: 'DELETE', path: '/v1/agents/:id', status: 200 },
  single_use: true,
  params: agentId,
  response: Type.Object({ id: idOf('agent'), deleted: Type.Boolean(), revoked_count: Type.Integer(), cascaded_count: Type.Integer() }),
  errors: [...E_WRITE, ...E_ID],
});

export const unblockAgent = operation({
  name: 'agents.unblock',
  owner: 'passports',
  summary: 'Lift the block on issuing passports',
  who: ['S'],
  scope: 'agents:write',
  http: { method: 'POST', path: '/v1/agents/:id/unblock', status: 200 },
  single_use: true,
  params: agentId,
  body: Type.Object({ comment: opt(text(0, 500)) }),
  response: Agent,
  errors: [...E_WRITE, ...E_ID, 'GOVERNANCE_APPROVAL_REQUIRED'],
});

export const enrolmentChallenge = operation({
  name: 'agents.enrolment_challenge',
  owner: 'passports',
  summary: 'A challenge to sign with the new key of an agent',
  who: ['S'],
  scope: 'agents:write',
  http: { method: 'POST', path: '/v1/agents/:id/enrollment-challenge', status: 201 },
  creates: true,
  single_use: true,
  by_ticket: true,
  params: agentId,
  response: Type.Object({ challenge_id: idOf('challenge'), challenge: Type.String(), expires_at: Time }),
  errors: [...E_CREATE, ...E_ID],
});

export const enrolAgent = operation({
  name: 'agents.enrol',
  owner: 'passports',
  summary: 'Bind a key to an agent by a signed challenge; a new key replaces the old',
  who: ['S'],
  scope: 'agents:write',
  http: { method: 'POST', path: '/v1/agents/:id/enroll', status: 200 },
  single_use: true,
  by_ticket: true,
  params: agentId,
  body: Type.Object({
    public_key: Type.Record(Type.String(), Type.Unknown()),
    challenge_id: Type.String(),
    signed_challenge: Type.String({ maxLength: 256 }),
  }),
  response: Type.Object({ agent: Agent, kid: Type.String(), enrolled_at: Time, rotated: Type.Boolean(), revoked_count: Type.Integer() }),
  errors: [...E_WRITE, ...E_ID, 'CONFLICT'],
});

export const agentPermissions = operation({
  name: 'agents.permissions',
  owner: 'passports',
  summary: 'Explicit grants and implicit access of an agent',
  who: ['R', 'G'],
  scope: 'agents:read',
  http: { method: 'GET', path: '/v1/agents/:id/permissions', aliases: ['/v1/agents/:id/grants'], status: 200 },
  /** On behalf of the agent whose JWT it was handed: its owner authenticates it again. */
  asked_by: ['vault'],
  params: agentId,
  response: Type.Object({
    agent_id: idOf('agent'),
    grants: Type.Array(Grant),
    implicit: Type.Array(
      Type.Object({
        connection_id: Type.String(),
        service: Type.String(),
        approval: Type.Unknown(),
        constraints: Type.Array(Type.Unknown()),
      }),
    ),
  }),
  errors: [...E_READ, ...E_ID],
});

export const grantAccess = operation({
  name: 'services.grant',
  owner: 'passports',
  summary: 'Grant an agent access to a connection, or change the scopes of a grant',
  who: ['S'],
  scope: 'services:connect',
  http: { method: 'POST', path: '/v1/services/grant', status: 200 },
  single_use: true,
  // A grant: whoever believes to restrict it here is told that nothing of the kind happens (api.md §1.1).
  body: Type.Object(
    {
      agent_id: Type.String(),
      service_connection_id: Type.String(),
      scopes: Type.Array(text(1, 128), { minItems: 1, maxItems: 64 }),
    },
    strict,
  ),
  response: Grant,
  errors: [...E_WRITE, ...E_ID],
});

export const revokeAccess = operation({
  name: 'services.revoke_access',
  owner: 'passports',
  summary: 'Remove all access of an agent and revoke its live passports',
  who: ['S'],
  scope: 'services:connect',
  http: { method: 'DELETE', path: '/v1/services/agents/:agent_id/revoke', status: 200 },
  single_use: true,
  params: Type.Object({ agent_id: Type.String() }),
  response: Type.Object({ agent_id: idOf('agent'), removed: Type.Integer(), revoked_count: Type.Integer() }),
  errors: [...E_WRITE, ...E_ID],
});

const grantId = Type.Object({ id: Type.String(), connection_id: Type.String() });
export const putGrant = operation({
  name: 'grants.put',
  owner: 'passports',
  summary: 'Replace the grant of an agent for a connection',
  who: ['S'],
  scope: 'agents:write',
  http: { method: 'PUT', path: '/v1/agents/:id/grants/:connection_id', status: 200 },
  single_use: true,
  params: grantId,
  body: GrantInput,
  response: Grant,
  errors: [...E_WRITE, ...E_ID, 'GOVERNANCE_APPROVAL_REQUIRED'],
});

export const removeGrant = operation({
  name: 'grants.remove',
  owner: 'passports',
  summary: 'Remove one grant; passports live on',
  who: ['S'],
  scope: 'agents:write',
  http: { method: 'DELETE', path: '/v1/agents/:id/grants/:connection_id', status: 200 },
  single_use: true,
  params: grantId,
  response: Type.Object({ removed: Type.Integer() }),
  errors: [...E_WRITE, ...E_ID],
});

export const removeGrants = operation({
  name: 'grants.remove_all',
  owner: 'passports',
  summary: 'Remove all grants and implicit access of an agent; passports live on',
  who: ['S'],
  scope: 'agents:write',
  http: { method: 'DELETE', path: '/v1/agents/:id/grants', status: 200 },
  single_use: true,
  params: agentId,
  response: Type.Object({ removed: Type.Integer() }),
  errors: [...E_WRITE, ...E_ID],
});

export const agentResolve = operation({
  name: 'agent.resolve',
  owner: 'passports',
  summary: "An agent's status and key, as of a log position",
  who: [],
  asked_by: ['gateway', 'vault', 'audit', 'detectors'],
  body: Type.Object({ agent_id: Type.String(), min_seq: Type.Integer() }),
  response: nullable(AgentView),
  errors: [],
});
