/** The Mission object (api.md §7): the mission from the log, what calls and reviews made of it from the read models. */
import type { Mission } from '@sallyport/contracts/objects/passport.ts';
import type { Deps } from './deps.ts';
import { type MissionState, missionStatus } from './domain/mission.ts';
import { iso, isoOrNull } from '@sallyport/contracts/time.ts';

export async function missionObjects(deps: Deps, missions: readonly MissionState[]): Promise<Mission[]> {
  if (missions.length === 0) return [];
  const ids = missions.map(({ mission_id }) => mission_id);
  const { db } = deps.database;
  const [shown, children, usage, services, pending, names, reviews] = await Promise.all([
    db
      .selectFrom('mission')
      .select(['mission_id', 'checkpoints', 'outcome', 'review_status', 'flags'])
      .where('mission_id', 'in', ids)
      .execute(),
    db.selectFrom('mission').select(['mission_id', 'parent_mission_id']).where('parent_mission_id', 'in', ids).limit(10_000).execute(),
    db.selectFrom('mission_usage').selectAll().where('mission_id', 'in', ids).execute(),
    db.selectFrom('service_usage').selectAll().where('mission_id', 'in', ids).orderBy('service').execute(),
    db
      .selectFrom('open_attempt')
      .select(['mission_id', (select) => select.fn.countAll<string>().as('count')])
      .where('mission_id', 'in', ids)
      .groupBy('mission_id')
      .execute(),
    agentNames(deps, missions),
    db
      .selectFrom('review')
      .select(['mission_id', 'review_id'])
      .where('mission_id', 'in', ids)
      .where('review_id', 'is not', null)
      .orderBy('checkout_id')
      .execute(),
  ]);
  const now = deps.clock.now();
  return missions.map((mission) => {
    const { mission_id: id, end } = mission;
    const row = shown.find((one) => one.mission_id === id);
    const counts = usage.find((one) => one.mission_id === id);
    const own = services.filter((one) => one.mission_id === id);
    const status = missionStatus(mission, now);
    return {
      mission_id: id,
      operator_id: mission.operator_id,
      agent_id: mission.agent_id,
      agent_name: names.get(mission.agent_id ?? '') ?? null,
      status,
      terminal_state: end?.terminal_state ?? (status === 'expired' ? 'expired' : null),
      implicit: mission.implicit,
      parent_mission_id: mission.parent_mission_id,
      children: children.filter((one) => one.parent_mission_id === id).map((one) => one.mission_id),
      jtis: mission.passports.map(({ jti }) => jti),
      session_ids: [...new Set(mission.passports.map(({ session_id }) => session_id))],
      intent_summary: mission.intent_summary,
      intent_services: mission.intent_services,
      accountability: mission.passports.at(-1)?.accountability ?? null,
      opened_at: iso(mission.opened_at_ms),
      expires_at: iso(mission.expires_at_ms),
      ended_at: isoOrNull(end?.at_ms ?? (status === 'expired' ? mission.expires_at_ms : null)),
      claim_id: mission.claim_id,
      caps: mission.caps,
      cap_behavior: mission.cap_behavior,
      usage: {
        actions: counts?.actions ?? 0,
        actions_per_service: Object.fromEntries(own.map(({ service, actions }) => [service, actions])),
        pending_intents: 0,
      },
      expected_counterparties: mission.expected_counterparties,
      baseline_profile: mission.baseline_profile,
      expected_output_shape: mission.expected_output_shape,
      outcome: row?.outcome ?? null,
      review_status: row?.review_status ?? null,
      review_ids: reviews.flatMap(({ mission_id, review_id }) => (mission_id === id && review_id !== null ? [review_id] : [])),
      counts: {
        calls: counts?.calls ?? 0,
        denied: counts?.denied ?? 0,
        failed: counts?.failed ?? 0,
        pending: Number(pending.find((one) => one.mission_id === id)?.count ?? 0),
        intents: 0,
        approvals: 0,
        checkpoints: row?.checkpoints ?? 0,
        security_events: counts?.security_events ?? 0,
      },
      by_service: own.map(({ service, reads, writes, last_ms }) => ({ service, reads, writes, last_at: iso(last_ms) })),
      flags: row?.flags ?? [],
      limits: mission.limits,
      ...storedOf(mission),
    };
  });
}

function storedOf({ stored }: MissionState): Pick<Mission, 'max_dropoff_bytes' | 'coverage_cap_cents' | 'parent_passport_services'> {
  const { max_dropoff_bytes, coverage_cap_cents, parent_passport_services: services } = stored;
  return {
    max_dropoff_bytes: typeof max_dropoff_bytes === 'number' ? max_dropoff_bytes : null,
    coverage_cap_cents: typeof coverage_cap_cents === 'number' ? coverage_cap_cents : null,
    parent_passport_services: Array.isArray(services) ? services.map(String) : null,
  };
}

async function agentNames({ database }: Deps, missions: readonly MissionState[]): Promise<Map<string, string>> {
  const ids = [...new Set(missions.map(({ agent_id }) => agent_id).filter((id) => id !== null))];
  if (ids.length === 0) return new Map();
  const rows = await database.db.selectFrom('agent').select(['agent_id', 'name']).where('agent_id', 'in', ids).execute();
  return new Map(rows.map(({ agent_id, name }) => [agent_id, name]));
}
