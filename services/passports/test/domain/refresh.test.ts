import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { agentRegistered } from '@sallyport/contracts/facts/identity.ts';
import {
  missionOpened,
  passportIssued,
  passportLapsed,
  passportRefreshed,
  passportRevoked,
  passportSuperseded,
} from '@sallyport/contracts/facts/passports.ts';
import type { Mode } from '@sallyport/contracts/objects/agent.ts';
import { AGENT } from '../../src/domain/agent.ts';
import { type Family, lifeOf, type Link } from '../../src/domain/life.ts';
import { MISSION } from '../../src/domain/mission.ts';
import { OPERATOR } from '../../src/domain/operator.ts';
import { implicitMission } from '../../src/domain/open-mission.ts';
import { type Issued, PASSPORT } from '../../src/domain/passport.ts';
import { decideRefresh, refreshRefusal } from '../../src/domain/refresh.ts';
import { noRevocation } from '../../src/domain/revocation.ts';
import { SESSION } from '../../src/domain/session.ts';
import { agentOf, fold, implicitAccess, issuedOf, NOW } from './given.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const access = [implicitAccess('github')];

function link(mode: Mode, facts: DraftFact[] = [], more: Partial<Issued> = {}, agentSeq = 0): Link & { passport: { issued: Issued } } {
  const issued = { ...issuedOf({}, { agent: agentOf({ accountability_mode: mode }), access }), ...more };
  const passport = { ...fold(PASSPORT, [draft(passportIssued, issued), ...facts], 10), issued };
  const record = fold(AGENT, [draft(agentRegistered, { agent: agentOf({ accountability_mode: mode }) })]);
  const revocation = agentSeq === 0 ? noRevocation : { seq: agentSeq, at_ms: NOW, reason: 'stop' };
  const mission = fold(MISSION, [draft(missionOpened, implicitMission('ms_1', agentOf({ max_mission_seconds: 86_400 }), 'x', [], NOW))]);
  // Of a mission that lives longer than any passport: its own end is judged before.
  return { passport, head: passport, agent: { ...record, revocation }, mission: { ...mission, expires_at_ms: NOW + 10 * DAY } };
}

function family(self: Link, parents: Link[] = []): Family {
  return { self, parents, session: SESSION.initial(), operator: OPERATOR.initial() };
}

const lapsed = (reason: 'ttl' | 'no_checkpoint'): DraftFact =>
  draft(passportLapsed, { reason, expires_at_ms: NOW + 900_000, last_checkpoint_at_ms: null, late_ms: 0 });
const refusal = (of: Family, at: number): string => refreshRefusal(of, at)?.code ?? 'passed';

test('given a passport that has expired, when it is logged or standard, then it may be refreshed for 24 hours, and not a moment longer', () => {
  for (const mode of ['logged', 'standard'] as const) {
    const of = family(link(mode, [lapsed('ttl')]));
    const { expires_at_ms } = of.self.passport;
    assert.equal(refusal(of, expires_at_ms + HOUR), 'passed');
    assert.equal(refusal(family(link(mode)), expires_at_ms - 1), 'passed');
    for (const after of [0, HOUR, DAY - 1]) assert.equal(refusal(family(link(mode)), expires_at_ms + after), 'passed');
    assert.equal(refusal(family(link(mode)), expires_at_ms + DAY), 'PASSPORT_EXPIRED');
  }
  const { expires_at_ms } = link('enforced').passport;
  assert.equal(refusal(family(link('enforced')), expires_at_ms - 1), 'passed');
  assert.equal(refusal(family(link('enforced')), expires_at_ms), 'PASSPORT_EXPIRED');
});

test('given a passport that was revoked or replaced, or a parent that is over, then it is not refreshed', () => {
  const revoked = draft(passportRevoked, {
    kind: 'single',
    target: 'x',
    reason: 'stop',
    cascaded: [],
    revoked_count: 1,
    cascaded_count: 0,
    by: null,
  });
  assert.equal(refusal(family(link('logged', [revoked])), NOW), 'PASSPORT_REVOKED');
  assert.equal(refusal(family(link('logged', [draft(passportSuperseded, { jti: 'ppt_1', by: 'ppt_9' })])), NOW), 'PASSPORT_REVOKED');
  const parent = link('logged');
  assert.equal(refusal(family(link('logged'), [parent]), NOW), 'passed');
  assert.equal(refusal(family(link('logged'), [parent]), parent.passport.expires_at_ms), 'PASSPORT_EXPIRED');
});

test('given a refresh that stands behind a revocation of its agent, when its line began before it, then it is dead all the same', () => {
  const first = link('logged');
  const { issued } = first.passport;
  const data = { ...issued, jti: 'ppt_2', superseded: 'ppt_1', checkpoints: 0, last_checkpoint_at_ms: null };
  const next = { ...fold(PASSPORT, [draft(passportRefreshed, data)], 20), issued: { ...issued, jti: 'ppt_2' } };
  const at = (seq: number): string => lifeOf(family({ ...link('logged', [], {}, seq), passport: next, head: first.passport }), NOW).state;
  assert.deepEqual([at(5), at(15), at(25)], ['live', 'revoked', 'revoked']);
});

test('given an enforced passport, when it is refreshed, then its time stays; a logged one begins anew; a raised mode holds', () => {
  const input = {
    access,
    ttl_seconds: null,
    deadline_ms: NOW + DAY,
    now_ms: NOW + 60_000,
    jti: 'ppt_2',
    kid: 'k',
    issuer: 'i',
    issued_by: { type: 'operator', id: 'x' },
  };
  const expiry = (mode: Mode, agent = mode): [number, Mode] => {
    const { passport } = link(mode);
    const outcome = decideRefresh({ ...input, passport, agent: agentOf({ accountability_mode: agent }) });
    assert.ok(outcome.ok);
    assert.equal(outcome.issued.line, passport.issued.line);
    return [outcome.issued.expires_at_ms - NOW, outcome.issued.mode];
  };
  assert.deepEqual(expiry('enforced'), [300_000, 'enforced']);
  assert.deepEqual(expiry('logged'), [960_000, 'logged']);
  assert.deepEqual(expiry('logged', 'enforced'), [360_000, 'enforced']);
  assert.deepEqual(expiry('enforced', 'logged'), [300_000, 'enforced']);
});
