/**
 * What this gateway knows of passports: asked once, then followed (architecture, "Views"). A kept answer lets calls pass; a refusal is
 * only made by an answer that was asked for after the call arrived, or by a revocation or ending in the log. A line's revocation that says why
 * refuses without a question.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import { ResolvedPassport } from '@sallyport/contracts/objects/views.ts';
import { passportResolve } from '@sallyport/contracts/operations/passports.ts';
import { grantTarget, target } from '@sallyport/contracts/target.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import type { Hash } from '@sallyport/admission/entry.ts';
import { targetHash } from '@sallyport/admission/hashes.ts';
import { type Access, accessOf } from '../checks/service.ts';
import type { Feed } from '../log/feed.ts';
import { askOwner, VIEW_MS } from './ask.ts';
import { type Holds, type Kept, stillHolds } from './kept.ts';
import { createQuestions } from './questions.ts';

/** A passport with its hashes, computed once. */
export interface KnownPassport extends Kept {
  resolved: ResolvedPassport;
  access: ReadonlyMap<string, Access>;
  hashes: {
    operator: Hash;
    session: Hash;
    jti: Hash;
    chain: { line: Hash; agent: Hash }[];
    missions: Hash[];
    /** By connection id. */
    connections: ReadonlyMap<string, { connection: Hash; grant: Hash }>;
  };
  /** The outermost mission of its line: operations, approvals and caps are judged with all that were opened below it. */
  family: { hash: Hash; mission_id: string; opened_seq: number };
  /** `performance.now()` when it was asked for; Infinity for what the log itself says. */
  asked_at: number;
}

export interface Passports {
  /** What is kept, and whether it still holds; null for a passport that was not met yet. */
  kept(jti: string): { known: KnownPassport; holds: Holds } | null;
  /** A passport that was alive and whose line a revocation in the log has ended, with its reason; null where only the owner knows. */
  revoked(known: KnownPassport): KnownPassport | null;
  /** Asks, sharing a question that was sent at or after `since`. Null: no such passport. Throws Unanswered. */
  ask(operatorId: string, jti: string, since: number, requestId: string): Promise<KnownPassport | null>;
  size(): number;
}

const MAX_KEPT = 10_000;
const MAX_REASONS = 2_000;

export function createPassports(bus: Bus, feed: Feed): Passports {
  const kept = new Map<string, KnownPassport>();
  /** By target. */
  const reasons = new Map<Hash, string>();
  const questions = createQuestions<KnownPassport | null>(VIEW_MS);

  function keep(jti: string, known: KnownPassport): void {
    const before = kept.get(jti);
    if (before && before.position > known.position) return;
    kept.delete(jti);
    kept.set(jti, known);
    for (const oldest of kept.size > MAX_KEPT ? kept.keys().take(1) : []) kept.delete(oldest);
  }

  async function send(operatorId: string, jti: string, requestId: string): Promise<KnownPassport | null> {
    const askedAt = performance.now();
    // Not behind what is kept: answers of several instances of the owner are told apart by their position.
    const body = { operator_id: operatorId, jti, min_seq: Math.max(feed.lastFence(), kept.get(jti)?.position ?? 0) };
    const answer = await askOwner(bus, passportResolve, body, requestId);
    if (!answer.ok) throw new Error(`passport.resolve was refused: ${answer.denial.code}`);
    if (answer.body === null) return null;
    if (!matches(ResolvedPassport, answer.body) || answer.body.passport.jti !== jti)
      throw new Error('passport.resolve answered in another shape');
    const known = knownOf(answer.body, feed.streamTime(), askedAt);
    keep(jti, known);
    return known;
  }

  feed.onFence(({ effect, targets, reason }) => {
    if (effect !== 'revoked' || reason === undefined) return;
    for (const one of targets) if (!reasons.has(one)) reasons.set(one, reason);
    while (reasons.size > MAX_REASONS) for (const oldest of reasons.keys().take(1)) reasons.delete(oldest);
  });

  return {
    revoked: (known) => {
      const { resolved, hashes, position } = known;
      const reason = reasons.get(hashes.chain[0]?.line ?? '');
      // Whoever checked out before is told that; of other ends and of what lies above the line, the owner knows which came first.
      const open = resolved.passport.state === 'live' && feed.admission.lastFence('ended', [hashes.jti]) <= position;
      if (reason === undefined || !open) return null;
      const passport = { ...resolved.passport, state: 'revoked' as const, reason };
      return { ...known, resolved: { ...resolved, passport }, asked_at: Number.POSITIVE_INFINITY };
    },
    kept: (jti) => {
      const known = kept.get(jti);
      return known ? { known, holds: stillHolds(known, feed) } : null;
    },
    ask: async (operatorId, jti, since, requestId) => (await questions.ask(jti, since, () => send(operatorId, jti, requestId))).value,
    size: () => kept.size,
  };
}

function knownOf(resolved: ResolvedPassport, streamTime: number, askedAt: number): KnownPassport {
  const { passport, mission, agent, operator } = resolved;
  const links = [{ line: passport.line, agent_id: passport.agent_id }, ...passport.parents];
  const chain = links.map((link) => ({ line: targetHash(target('line', link.line)), agent: targetHash(target('agent', link.agent_id)) }));
  const missions = [passport.mission_id, ...mission.ancestors].map((id) => targetHash(target('mission', id)));
  const access = new Map<string, Access>();
  const connections = new Map<string, { connection: Hash; grant: Hash }>();
  const positions = [passport.position, mission.position, agent.position, operator.position];
  for (const service of passport.services) {
    const view = resolved.access[service.connection_id];
    if (!view) continue;
    positions.push(view.position);
    access.set(service.connection_id, accessOf(service, view));
    connections.set(service.connection_id, {
      connection: targetHash(target('connection', service.connection_id)),
      grant: targetHash(grantTarget(passport.agent_id, service.connection_id)),
    });
  }
  const hashes = {
    operator: targetHash(target('operator', passport.operator_id)),
    session: targetHash(target('session', passport.session_id)),
    jti: targetHash(target('jti', passport.jti)),
    chain,
    missions,
    connections,
  };
  const position = Math.min(...positions);
  const outermost = mission.above.at(-1) ?? mission;
  return {
    resolved,
    access,
    hashes,
    family: {
      hash: targetHash(target('mission', outermost.mission_id)),
      mission_id: outermost.mission_id,
      opened_seq: outermost.opened_seq,
    },
    targets: [
      hashes.operator,
      hashes.session,
      hashes.jti,
      ...chain.flatMap((link) => [link.line, link.agent]),
      ...missions,
      ...[...connections.values()].flatMap((one) => [one.connection, one.grant]),
    ],
    position,
    checked: position,
    checked_at: streamTime,
    asked_at: askedAt,
  };
}
