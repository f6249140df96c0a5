/** The people of an operator (api.md §17). */
import { Type } from 'typebox';
import { Member } from '../objects/operator.ts';
import { E_CREATE, E_ID, E_PUBLIC, E_READ, E_WRITE, operation } from '../operation.ts';
import { ROLES } from '../principal.ts';
import { idOf, oneOf, opt, text } from '../schema.ts';

const memberId = Type.Object({ id: Type.String() });
/** Connections by id, or providers by slug. */
const connections = Type.Array(Type.String({ pattern: '^(scon_[0-7][0-9a-hjkmnp-tv-z]{25}|[a-z][a-z0-9_]{0,62})$' }), { maxItems: 1000 });

export const inviteMember = operation({
  name: 'team.invite',
  owner: 'passports',
  summary: 'Invite somebody, or invite again; the link lives seven days',
  who: ['A'],
  http: { method: 'POST', path: '/v1/team/members', status: 201 },
  creates: true,
  single_use: true,
  secret_out: ['invite_url'],
  body: Type.Object({
    email: Type.String({ format: 'email', maxLength: 254 }),
    name: text(1, 100),
    role: opt(oneOf(ROLES)),
    allowed_connections: opt(connections),
  }),
  response: Type.Object({ ...Member.properties, invite_url: Type.Optional(Type.String()) }),
  errors: [...E_CREATE, 'NOT_FOUND', 'GOVERNANCE_APPROVAL_REQUIRED'],
});

export const acceptInvitation = operation({
  name: 'team.accept',
  owner: 'passports',
  summary: 'Accept an invitation; the answer shows the key of the new member, once',
  who: ['-'],
  http: { method: 'POST', path: '/v1/team/members/:id/accept', status: 200, limit: 'sign_in' },
  secret_in: ['token'],
  secret_out: ['api_key'],
  params: memberId,
  body: Type.Object({ token: text(1, 256) }),
  response: Type.Object({ member: Member, api_key: Type.String() }),
  errors: [...E_PUBLIC, 'UNAUTHORIZED', 'NOT_FOUND', 'CONFLICT', 'AUDIT_UNAVAILABLE'],
});

export const listMembers = operation({
  name: 'team.list',
  owner: 'passports',
  summary: 'List members',
  who: ['R'],
  http: { method: 'GET', path: '/v1/team/members', status: 200 },
  query: Type.Object({
    limit: opt(Type.Integer({ minimum: 1, maximum: 100 })),
    cursor: opt(Type.String({ maxLength: 512 })),
    status: opt(oneOf(['invited', 'active', 'removed'])),
  }),
  response: Type.Array(Member),
  errors: E_READ,
});

export const updateMember = operation({
  name: 'team.update',
  owner: 'passports',
  summary: 'Change a member; in force from its next request on',
  who: ['A'],
  http: { method: 'PATCH', path: '/v1/team/members/:id', status: 200 },
  single_use: true,
  params: memberId,
  body: Type.Object({ name: opt(text(1, 100)), role: opt(oneOf(ROLES)), allowed_connections: opt(connections) }),
  response: Member,
  errors: [...E_WRITE, ...E_ID, 'GOVERNANCE_APPROVAL_REQUIRED', 'CONFLICT'],
});

export const rotateMemberKey = operation({
  name: 'team.rotate_key',
  owner: 'passports',
  summary: 'Replace the key of a member, or make its first; the old one dies at once',
  who: ['R'],
  http: { method: 'POST', path: '/v1/team/members/:id/rotate-key', status: 200 },
  single_use: true,
  secret_out: ['api_key'],
  params: memberId,
  response: Type.Object({ api_key: Type.String() }),
  errors: [...E_WRITE, ...E_ID],
});

export const removeMember = operation({
  name: 'team.remove',
  owner: 'passports',
  summary: 'Remove a member: its keys, sessions and tokens die at once',
  who: ['A'],
  http: { method: 'DELETE', path: '/v1/team/members/:id', status: 200 },
  single_use: true,
  params: memberId,
  query: Type.Object({ revoke_passports: opt(Type.Boolean()) }),
  response: Type.Object({ id: idOf('member'), removed: Type.Boolean() }),
  errors: [...E_WRITE, ...E_ID, 'CONFLICT'],
});
