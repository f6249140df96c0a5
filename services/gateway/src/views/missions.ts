/**
 * Whether the log that was read here can judge a mission's operations, approvals and caps (architecture, "The window"): asked once from `audit` for a
 * mission whose beginning lies before the window, then followed. Until then no attempt of it is recorded.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Admission } from '@sallyport/admission/admit.ts';
import { type Hash, hashOf } from '@sallyport/admission/entry.ts';
import type { MissionTable } from '@sallyport/admission/family.ts';
import { MissionOperations, missionOperations } from '@sallyport/contracts/operations/call-log.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import { askOwner, VIEW_MS } from './ask.ts';
import type { KnownPassport } from './passports.ts';
import { createQuestions } from './questions.ts';

/** What is read of a passport. */
type OfMission = Pick<KnownPassport, 'family'> & { resolved: { passport: { operator_id: string } } };
type JudgingAdmission = Pick<Admission, 'judges' | 'loadMission' | 'loadableFrom'>;

export interface Missions {
  /** True when attempts of this passport's mission can be judged; then they stay so for at least as long as a call takes. */
  judged(known: OfMission): boolean;
  /** Learns what is missing, sharing a question that is under way. Throws Unanswered. */
  learn(known: OfMission, requestId: string): Promise<void>;
}

export function createMissions(bus: Bus, { admission }: { admission: JudgingAdmission }): Missions {
  const questions = createQuestions<true>(VIEW_MS);

  async function send({ resolved, family }: OfMission, requestId: string): Promise<true> {
    const { operator_id } = resolved.passport;
    const body = { operator_id, mission_id: family.mission_id, min_position: admission.loadableFrom() };
    const answer = await askOwner(bus, missionOperations, body, requestId);
    if (!answer.ok) throw new Error(`mission.operations was refused: ${answer.denial.code}`);
    if (!matches(MissionOperations, answer.body)) throw new Error('mission.operations answered in another shape');
    if (!admission.loadMission(family.hash, tableOf(answer.body), answer.body.position))
      throw new Error('the answer is older than the window');
    return true;
  }

  const judged = ({ family }: OfMission): boolean => admission.judges(family.hash, family.opened_seq);
  return {
    judged,
    learn: async (known, requestId) => {
      await questions.ask(known.family.hash, 0, () => (judged(known) ? Promise.resolve<true>(true) : send(known, requestId)));
    },
  };
}

function tableOf({ operations, approvals, counts, open }: MissionOperations): MissionTable {
  const countKey = <T extends { mission: string; service: string | null }>(key: T): T => ({
    ...key,
    mission: hash(key.mission),
    service: key.service === null ? null : hash(key.service),
  });
  return {
    operations: operations.map((one) => ({ ...one, mission: hash(one.mission), id: hash(one.id), digest: hash(one.digest) })),
    approvals: approvals.map(({ mission, id }) => ({ mission: hash(mission), id: hash(id) })),
    counts: counts.map(countKey),
    open: open.map((one) => ({
      attempt: hash(one.attempt),
      mission: hash(one.mission),
      operation: one.operation && { id: hash(one.operation.id), digest: hash(one.operation.digest) },
      counts: one.counts.map(countKey),
    })),
  };
}

function hash(text: string): Hash {
  return hashOf(Buffer.from(text, 'base64url'));
}
