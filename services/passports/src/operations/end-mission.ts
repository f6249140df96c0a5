/**
 * `POST /v1/missions/:id/complete` and `revoke` (api.md §7). Idempotent: a mission that has ended in any way answers with its own end. Of an output the log holds the
 * digest; it lies sealed elsewhere (`outputs.ts`), before the fact that names it.
 */
import { createHash } from 'node:crypto';
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { type Denial, invalid } from '@sallyport/contracts/errors.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';
import { completeMission, revokeMission } from '@sallyport/contracts/operations/missions.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import type { Scope } from '@sallyport/bus/ledger.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { target } from '@sallyport/contracts/target.ts';
import type { Deps } from '../deps.ts';
import { ruleText } from '../domain/constraints.ts';
import { missionNotFound, type MissionState, missionStatus } from '../domain/mission.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { type Ending, endMission } from '../ending.ts';
import { announce, cutting, propagation } from '../propagation.ts';
import { ownMission, readMission } from '../reading.ts';

const MAX_OUTPUT_BYTES = 64 * 1024;
const MAX_NOTES = 1_000;

export interface Ended {
  mission_id: string;
  claim_id: string;
  terminal_state: string;
  ended_at: string;
  transitioned: boolean;
  revoked_count: number;
  /** For the event. */
  counts: { revoked_count: number; cascaded_count: number };
}

const NONE = { revoked_count: 0, cascaded_count: 0 };

export function completeMissionOperation(deps: Deps): OperationHandler<typeof completeMission> {
  return async ({ principal, params: { id }, body, scope }) => {
    const output = body.output ? ruleText(body.output) : null;
    if (output !== null && Buffer.byteLength(output) > MAX_OUTPUT_BYTES) return refuse(invalid([{ path: 'output', rule: 'max_bytes' }]));
    const kept = output !== null && (await mayEnd(deps, principal, id)) ? await deps.outputs.keep(principal.operator_id, id, output) : null;
    const output_sha256 = output === null ? null : (kept ?? createHash('sha256').update(output).digest('hex'));
    const ended = await end(deps, principal, scope, id, { as: 'completed', output_sha256 });
    if ('deny' in ended) return refuse(ended.deny);
    return answerOf(completeMission, ended, ({ ended_at, counts: _counts, ...rest }) => ({ ...rest, completed_at: ended_at }));
  };
}

/** Nothing is kept for a mission that is not the caller's, or is over. */
async function mayEnd({ ledger, clock }: Deps, principal: Principal, id: string): Promise<boolean> {
  const found = await ownMission(ledger.load, principal, id);
  return found !== null && missionStatus(found.mission, clock.now()) === 'open';
}

export function revokeMissionOperation(deps: Deps): OperationHandler<typeof revokeMission> {
  return async ({ principal, params: { id }, body, scope }): Promise<BusAnswer> => {
    const terminal_state = body.reason === 'adversarial' ? 'revoked_adversarial' : 'revoked_clean';
    const notes = body.notes ? [...body.notes].slice(0, MAX_NOTES).join('') : null;
    const ended = await end(deps, principal, scope, id, { as: 'revoked', terminal_state, reason: body.reason, notes });
    if ('deny' in ended) return refuse(ended.deny);
    return answerOf(revokeMission, ended, ({ ended_at, counts: _counts, ...rest }) => ({ ...rest, revoked_at: ended_at }));
  };
}

async function end(
  deps: Deps,
  principal: Principal,
  scope: Scope,
  id: string,
  ending: Ending,
): Promise<{ deny: Denial } | { ok: true; value: Ended; seq: number }> {
  const { operator_id } = principal;
  const decided = await cutting(deps, operator_id, [target('mission', id.slice(0, 64))], () =>
    deps.ledger.decide<Ended>(scope, async (read) => {
      const mission = await readMission(read.get, operator_id, id);
      if (!mission || (principal.type === 'agent' && mission.agent_id !== principal.id)) return { deny: missionNotFound(id) };
      const over = alreadyEnded(mission, read.now);
      if (over) return { write: [], value: over };
      const factId = newId('event', read.now);
      const made = await endMission(read, mission, ending, { factId, by: `${principal.type}:${principal.id}` });
      return {
        write: made.write,
        value: {
          mission_id: mission.mission_id,
          claim_id: auditIdOf(factId),
          terminal_state: ending.as === 'completed' ? 'completed_successful' : ending.terminal_state,
          ended_at: iso(read.now),
          transitioned: true,
          revoked_count: made.revoked.length + made.cascaded.length,
          counts: { revoked_count: made.revoked.length, cascaded_count: made.cascaded.length },
        },
      };
    }),
  );
  if (!decided.ok) return { deny: decided.denial };
  if (decided.value.transitioned) {
    await propagation(deps, decided);
    const { mission_id, counts } = decided.value;
    const reason = ending.as === 'completed' ? 'Mission completed' : `Mission revoked: ${ending.reason}`;
    const event = { type: 'bulk_mission', operator_id, mission_id, reason, at: deps.clock.now(), ...counts };
    const total = counts.revoked_count + counts.cascaded_count;
    if (total > 0) announce(deps, operator_id, event, total);
  }
  return { ok: true, value: decided.value, seq: decided.seq };
}

function alreadyEnded(mission: MissionState, nowMs: number): Ended | null {
  const { mission_id, claim_id, end: over } = mission;
  if (over) {
    const { terminal_state, revoked_count } = over;
    return {
      mission_id,
      claim_id: over.claim_id,
      terminal_state,
      ended_at: iso(over.at_ms),
      transitioned: false,
      revoked_count,
      counts: NONE,
    };
  }
  if (missionStatus(mission, nowMs) === 'open') return null;
  return {
    mission_id,
    claim_id,
    terminal_state: 'expired',
    ended_at: iso(mission.expires_at_ms),
    transitioned: false,
    revoked_count: 0,
    counts: NONE,
  };
}
