/**
 * `POST /v1/passports/:jti/checkpoint` (api.md §6). What counts is when it was received, by the ledger's clock. A service that was neither declared nor granted
 * kills an enforced passport in the same batch.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { checkpointRecorded } from '@sallyport/contracts/facts/passports.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';
import { checkpoint } from '@sallyport/contracts/operations/passports.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from '../deps.ts';
import { decideCheckpoint } from '../domain/checkpoint.ts';
import { claimsOf, nextCheckpoint } from '../domain/claims.ts';
import { blockedDenial, deadDenial, lifeAbove, lifeOf } from '../domain/life.ts';
import { PASSPORT } from '../domain/passport.ts';
import { iso, isoOrNull } from '@sallyport/contracts/time.ts';
import { announce, propagation } from '../propagation.ts';
import { noPassport, readFamily, readPassport } from '../reading.ts';
import { commonReport } from '../report.ts';
import { recordRefusedUse } from '../refused-use.ts';
import { revokeRead } from '../revoking.ts';

const OFF_SCRIPT = 'credential_outside_scope_fire: checkpoint_declared';

interface Recorded {
  checkpoint_id: string;
  passport_jti: string;
  new_expires_at: string | null;
  flags: string[];
  claim_id: string;
  checkpoint: number;
  recorded_at: string;
  next_checkpoint_by: string | null;
  token: string | null;
  revoked: boolean;
  cascaded: string[];
}

export function checkpointOperation(deps: Deps): OperationHandler<typeof checkpoint> {
  return async ({ principal, params: { jti }, body, scope }) => {
    const { operator_id } = principal;
    const receivedMs = deps.clock.now();
    const report = commonReport(body);
    const decided = await deps.ledger.decide<Recorded>(scope, async (read) => {
      const passport = await readPassport(read.get, operator_id, jti);
      if (!passport || (principal.type === 'agent' && passport.issued.agent_id !== principal.id)) return { deny: noPassport(jti) };
      const { issued } = passport;
      const family = await readFamily(read.get, operator_id, passport);
      const life = lifeOf(family, receivedMs);
      if (life.state !== 'live') return { deny: deadDenial(jti, life) };
      const blocked = blockedDenial(family.self.agent, family.operator);
      if (blocked) return { deny: blocked };
      const made = decideCheckpoint(passport, body, receivedMs, family.operator.settings?.standard_checkpoints ?? 'refuse');
      if (!made.ok) return { deny: made.denial };

      const { number, expires_at_ms, outside, flags, revokes } = made.checkpoint;
      const checkpoint_id = newId('checkpoint', read.now);
      const id = newId('event', read.now);
      const { agent_id, session_id, mission_id } = issued;
      const whose = { agent_id, session_id, mission_id, jti };
      const { services_used, actions_count } = body;
      const data = {
        checkpoint_id,
        number,
        services_used,
        actions_count,
        ...report,
        recorded_at_ms: receivedMs,
        expires_at_ms,
        outside,
        flags,
        revoked: revokes,
      };
      const facts: DraftFact[] = [draft(checkpointRecorded, data, { ...whose, id })];
      const write: Write[] = [{ on: PASSPORT, operator_id, id: jti, facts }];
      let cascaded: string[] = [];
      if (revokes) {
        const revoked = await revokeRead(read, passport, {
          operator_id,
          reason: OFF_SCRIPT,
          by: null,
          terminal_state: 'revoked_adversarial',
        });
        if ('deny' in revoked) return revoked;
        write.push(...revoked.write);
        cascaded = revoked.value.cascaded;
      }
      // A parent's time is over when it is over.
      const above = lifeAbove(family, receivedMs)?.expires_at_ms ?? Number.POSITIVE_INFINITY;
      const until = expires_at_ms === null ? null : Math.min(expires_at_ms, above);
      const next = revokes ? null : nextCheckpoint(issued, receivedMs, until ?? passport.expires_at_ms);
      return {
        write,
        value: {
          checkpoint_id,
          passport_jti: jti,
          new_expires_at: isoOrNull(until),
          flags,
          claim_id: auditIdOf(id),
          checkpoint: number,
          recorded_at: iso(receivedMs),
          next_checkpoint_by: isoOrNull(next),
          token: until === null ? null : await (await deps.signer.active()).sign(claimsOf(operator_id, issued, until)),
          revoked: revokes,
          cascaded,
        },
      };
    });
    if (decided.ok && decided.value.revoked) {
      await propagation(deps, decided);
      const { cascaded } = decided.value;
      const event = { type: 'single', operator_id, jti, cascaded, reason: OFF_SCRIPT, at: deps.clock.now() };
      announce(deps, operator_id, event, 1 + cascaded.length);
    }
    if (!decided.ok) await recordRefusedUse(deps, scope, jti, 'checkpoint', decided.denial);
    return answerOf(checkpoint, decided, ({ cascaded: _cascaded, ...value }) => value);
  };
}
