/** Security events (api.md §14.3). */
import { Type } from 'typebox';
import { Flag } from '../objects/passport.ts';
import { FlagDetail } from '../objects/review.ts';
import { E_ID, E_READ, E_WRITE, operation } from '../operation.ts';
import { idOf, nullable, oneOf, opt, text, Time } from '../schema.ts';

export const SecurityEvent = Type.Object({
  id: idOf('security_event'),
  operator_id: idOf('operator'),
  agent_id: nullable(Type.String()),
  passport_jti: nullable(Type.String()),
  signal_type: Type.String(),
  severity: oneOf(['info', 'warning', 'critical']),
  message: Type.String(),
  metadata: Type.Record(Type.String(), Type.Unknown()),
  resolved: Type.Boolean(),
  resolved_at: nullable(Time),
  created_at: Time,
  code: Type.String(),
  status: oneOf(['open', 'acknowledged', 'resolved']),
  count: Type.Integer(),
  first_at: Time,
  last_at: Time,
  effect: nullable(Type.Object({ kind: Type.String(), state: Type.String(), at: nullable(Time) })),
  incident_id: nullable(Type.String()),
  dry_run: Type.Boolean(),
});
const Detailed = Type.Intersect([
  SecurityEvent,
  Type.Object({
    acknowledged_by: nullable(Type.Unknown()),
    resolved_by: nullable(Type.Unknown()),
    resolution: nullable(Type.String()),
    note: nullable(Type.String()),
    entry_ids: Type.Array(Type.String()),
  }),
]);

const filter = {
  agent_id: opt(Type.String()),
  resolved: opt(oneOf(['false', 'true', 'all'])),
  status: opt(oneOf(['open', 'acknowledged', 'resolved'])),
  signal_type: opt(Type.String({ maxLength: 64 })),
  severity: opt(oneOf(['info', 'warning', 'critical'])),
};
const resolution = {
  resolution: opt(oneOf(['true_positive', 'false_positive', 'expected', 'duplicate'])),
  note: opt(text(0, 1000)),
};
const eventId = Type.Object({ id: Type.String() });

export const listSecurityEvents = operation({
  name: 'security_events.list',
  owner: 'detectors',
  summary: 'What detectors found',
  who: ['O'],
  scope: 'audit:read',
  http: { method: 'GET', path: '/v1/security-events', status: 200 },
  query: Type.Object({
    page: opt(Type.Integer({ minimum: 1 })),
    limit: opt(Type.Integer({ minimum: 1, maximum: 100 })),
    ...filter,
  }),
  response: Type.Object({
    events: Type.Array(SecurityEvent),
    unresolved_count: Type.Integer(),
    page: Type.Integer(),
    limit: Type.Integer(),
  }),
  errors: E_READ,
});
export const getSecurityEvent = operation({
  name: 'security_events.get',
  owner: 'detectors',
  summary: 'One security event',
  who: ['O'],
  scope: 'audit:read',
  http: { method: 'GET', path: '/v1/security-events/:id', status: 200 },
  params: eventId,
  response: Detailed,
  errors: [...E_READ, ...E_ID],
});
export const acknowledgeSecurityEvent = operation({
  name: 'security_events.acknowledge',
  owner: 'detectors',
  summary: 'Say that a person has seen it',
  who: ['O'],
  http: { method: 'POST', path: '/v1/security-events/:id/acknowledge', status: 200 },
  single_use: true,
  params: eventId,
  response: Detailed,
  errors: [...E_WRITE, ...E_ID],
});
export const resolveSecurityEvent = operation({
  name: 'security_events.resolve',
  owner: 'detectors',
  summary: 'Close a security event',
  who: ['O'],
  http: { method: 'POST', path: '/v1/security-events/:id/resolve', status: 200 },
  single_use: true,
  params: eventId,
  body: Type.Object(resolution),
  response: Detailed,
  errors: [...E_WRITE, ...E_ID],
});
export const resolveSecurityEvents = operation({
  name: 'security_events.resolve_many',
  owner: 'detectors',
  summary: 'Close all that match, at most 500',
  who: ['O'],
  http: { method: 'POST', path: '/v1/security-events/resolve', status: 200 },
  single_use: true,
  body: Type.Object({ filter: opt(Type.Object(filter)), ...resolution }),
  response: Type.Object({ resolved: Type.Integer() }),
  errors: E_WRITE,
});

export const missionSignals = operation({
  name: 'mission.signals',
  owner: 'detectors',
  summary: 'Signals of warning and above of one passport run, as review flags, once detectors have read the log up to `min_seq`',
  who: [],
  asked_by: ['passports'],
  body: Type.Object({
    operator_id: Type.String(),
    session_id: Type.String(),
    mission_id: Type.String(),
    jti: Type.String(),
    min_seq: Type.Integer(),
  }),
  response: Type.Object({
    flags: Type.Array(Flag),
    event_ids: Type.Array(Type.String()),
    flag_details: Type.Optional(Type.Array(FlagDetail)),
  }),
  errors: [],
});
