/** Opening missions (api.md §7): how long they may live, what they keep. Pure. */
import { type Denial, invalid } from '@sallyport/contracts/errors.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import type { OperatorSettings } from '@sallyport/contracts/objects/operator.ts';
import type { MissionFields } from '@sallyport/contracts/objects/passport.ts';
import type { missionOpened } from '@sallyport/contracts/facts/passports.ts';
import type { Static } from 'typebox';
import type { MissionState } from './mission.ts';

export type Opened = Static<typeof missionOpened.data>;

const MAX_STORED_BYTES = 16 * 1024;
const STORED = [
  'max_actions_per_service',
  'cap_behavior',
  'limits',
  'expected_counterparties',
  'baseline_profile',
  'expected_output_shape',
  'parent_passport_services',
] as const;

export interface MissionInput {
  mission_id: string;
  agent: Agent | null;
  settings: OperatorSettings;
  fields: MissionFields;
  now_ms: number;
}

export function openMission({
  mission_id,
  agent,
  settings,
  fields,
  now_ms,
}: MissionInput): { ok: true; opened: Opened } | { ok: false; denial: Denial } {
  const max = agent?.max_mission_seconds ?? settings.max_mission_seconds;
  const asked = fields.expires_in_seconds ?? null;
  if (asked !== null && asked > max) return { ok: false, denial: invalid([{ path: 'expires_in_seconds', rule: 'maximum' }]) };
  const large = STORED.find((name) => Buffer.byteLength(JSON.stringify(fields[name] ?? null)) > MAX_STORED_BYTES);
  if (large) return { ok: false, denial: invalid([{ path: large, rule: 'max_bytes' }]) };
  const seconds = asked ?? Math.min(settings.default_mission_seconds, max);
  const { max_actions, max_actions_per_service, max_duration_seconds, max_concurrent_intents } = fields;
  return {
    ok: true,
    opened: {
      mission_id,
      agent_id: agent?.id ?? null,
      implicit: false,
      parent_mission_id: null,
      ancestors: [],
      intent_summary: fields.intent_summary,
      intent_services: [...new Set(fields.intent_services ?? [])],
      opened_at_ms: now_ms,
      expires_at_ms: now_ms + seconds * 1000,
      caps: {
        ...(max_actions != null && { max_actions }),
        ...(max_actions_per_service != null && { max_actions_per_service }),
        ...(max_duration_seconds != null && { max_duration_seconds }),
        ...(max_concurrent_intents != null && { max_concurrent_intents }),
      },
      cap_behavior: fields.cap_behavior ?? {},
      limits: fields.limits ?? {},
      expected_counterparties: fields.expected_counterparties ?? [],
      baseline_profile: fields.baseline_profile ?? null,
      expected_output_shape: fields.expected_output_shape ?? null,
      stored: {
        ...(fields.max_dropoff_bytes != null && { max_dropoff_bytes: fields.max_dropoff_bytes }),
        ...(fields.coverage_cap_cents != null && { coverage_cap_cents: fields.coverage_cap_cents }),
        ...(fields.parent_passport_services != null && { parent_passport_services: fields.parent_passport_services }),
      },
    },
  };
}

/** The mission of a passport that was issued without one (api.md §7.1). */
export function implicitMission(mission_id: string, agent: Agent, summary: string, services: string[], now_ms: number): Opened {
  return implicit(mission_id, agent, summary, services, now_ms, now_ms + agent.max_mission_seconds * 1000);
}

/** The mission of a delegated passport: it stands below its parent's and ends with it at the latest. */
export function missionBelow(
  mission_id: string,
  agent: Agent,
  parent: MissionState,
  summary: string,
  services: string[],
  now_ms: number,
): Opened {
  return {
    ...implicit(mission_id, agent, summary, services, now_ms, parent.expires_at_ms),
    parent_mission_id: parent.mission_id,
    ancestors: [parent.mission_id, ...parent.ancestors],
  };
}

function implicit(
  mission_id: string,
  agent: Agent,
  intent_summary: string,
  intent_services: string[],
  opened_at_ms: number,
  expires_at_ms: number,
): Opened {
  return {
    mission_id,
    agent_id: agent.id,
    implicit: true,
    parent_mission_id: null,
    ancestors: [],
    intent_summary,
    intent_services,
    opened_at_ms,
    expires_at_ms,
    caps: {},
    cap_behavior: {},
    limits: {},
    expected_counterparties: [],
    baseline_profile: null,
    expected_output_shape: null,
    stored: {},
  };
}
