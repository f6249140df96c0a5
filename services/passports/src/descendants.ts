/**
 * What lives below passports and missions, read at the log's leader: exact, and without the database. Breadth-first; the tree is as deep as delegation goes.
 */
import { lifeOf } from './domain/life.ts';
import type { MissionState } from './domain/mission.ts';
import { type IssuedPassportState, type Read, readCurrent, readFamily, readHead, readMission } from './reading.ts';

/** Of all that is below one line or mission; more than these are left to the cascade's own count. */
const MAX_FOUND = 500;
/** A mission holds few live lines at a time; older ones than these have lapsed. */
const MAX_LOOKED_AT = 200;

/** The live passports that descend from these heads, without the heads' own lines. */
export async function liveBelow(
  read: Read,
  operatorId: string,
  heads: readonly IssuedPassportState[],
  nowMs: number,
): Promise<IssuedPassportState[]> {
  const found: IssuedPassportState[] = [];
  const seen = new Set<string>();
  let level = heads.flatMap(({ children }) => children);
  while (level.length > 0 && seen.size < MAX_FOUND) {
    const lines = level.filter((line) => !seen.has(line)).slice(0, MAX_FOUND - seen.size);
    for (const line of lines) seen.add(line);
    const below = await Promise.all(
      lines.map(async (line) => {
        const head = await readHead(read, operatorId, line);
        return { head, live: await liveOfLine(read, operatorId, head, nowMs) };
      }),
    );
    found.push(...below.flatMap(({ live }) => (live ? [live] : [])));
    level = below.flatMap(({ head }) => head.children);
  }
  return found;
}

/** The passport that stands for the line, if it lives. */
export async function liveOfLine(
  read: Read,
  operatorId: string,
  head: IssuedPassportState,
  nowMs: number,
): Promise<IssuedPassportState | null> {
  if (head.revoked) return null;
  const current = await readCurrent(read, operatorId, head);
  return lifeOf(await readFamily(read, operatorId, current), nowMs).state === 'live' ? current : null;
}

/** Live passports of a mission, and of all that were delegated from any of its passports. */
export async function liveInMission(read: Read, mission: MissionState, nowMs: number): Promise<{ own: string[]; below: string[] }> {
  const { operator_id } = mission;
  const lines = [...new Set(mission.passports.map(({ line }) => line))].slice(-MAX_LOOKED_AT);
  const heads = await Promise.all(lines.map((line) => readHead(read, operator_id, line)));
  const [own, below] = await Promise.all([
    Promise.all(heads.map((head) => liveOfLine(read, operator_id, head, nowMs))),
    liveBelow(read, operator_id, heads, nowMs),
  ]);
  return { own: jtis(own.filter((one) => one !== null)), below: jtis(below) };
}

export function jtis(passports: readonly IssuedPassportState[]): string[] {
  return passports.map(({ issued }) => issued.jti);
}

/** Missions that are open below this one. */
export async function openChildren(read: Read, mission: MissionState): Promise<MissionState[]> {
  const found = await Promise.all(mission.children.map((id) => readMission(read, mission.operator_id, id)));
  return found.filter((one) => one !== null && one.end === null).filter((one) => one !== null);
}
