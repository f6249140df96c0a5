import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { agentRegistered } from '@sallyport/contracts/facts/identity.ts';
import { missionOpened, passportIssued, passportLapsed, passportRevoked } from '@sallyport/contracts/facts/passports.ts';
import { AGENT } from '../../src/domain/agent.ts';
import { endsWithParent, lapseOf } from '../../src/domain/lapse.ts';
import { type Family, lifeOf } from '../../src/domain/life.ts';
import { MISSION } from '../../src/domain/mission.ts';
import { implicitMission } from '../../src/domain/open-mission.ts';
import { OPERATOR } from '../../src/domain/operator.ts';
import { PASSPORT } from '../../src/domain/passport.ts';
import { SESSION } from '../../src/domain/session.ts';
import { agentOf, fold, issuedOf, NOW } from './given.ts';

const ISSUED_AT = 10;
const revoked = (kind: 'single' | 'bulk_agent' | 'bulk_session' | 'bulk_operator', reason = 'stop'): DraftFact =>
  draft(passportRevoked, { kind, target: 'x', reason, cascaded: [], revoked_count: 1, cascaded_count: 0, by: null });

interface Given {
  own?: DraftFact[];
  agent?: { fact: DraftFact; seq: number };
  session?: { fact: DraftFact; seq: number };
}

function family({ own = [], agent, session }: Given = {}): Family {
  const issued = issuedOf();
  const passport = { ...fold(PASSPORT, [draft(passportIssued, issued), ...own], ISSUED_AT), issued };
  const record = fold(AGENT, [draft(agentRegistered, { agent: agentOf() })]);
  const revocation = agent
    ? fold(AGENT, [draft(agentRegistered, { agent: agentOf() }), agent.fact], agent.seq - 1).revocation
    : record.revocation;
  const mission = fold(MISSION, [draft(missionOpened, implicitMission('ms_1', agentOf(), 'x', [], NOW))]);
  const self = { passport, head: passport, agent: { ...record, revocation }, mission };
  return { self, parents: [], session: fold(SESSION, session ? [session.fact] : [], session?.seq), operator: OPERATOR.initial() };
}

test('given a live passport, when its time is over, then it has lapsed, to the millisecond', () => {
  const { expires_at_ms } = issuedOf();
  assert.equal(lifeOf(family(), expires_at_ms - 1).state, 'live');
  assert.equal(lifeOf(family(), expires_at_ms).state, 'lapsed');
});

test('given a revocation of the agent or session, when it stands after the issue in the log, then it kills; before it, it does not', () => {
  for (const kind of ['agent', 'session'] as const) {
    const fact = revoked(kind === 'agent' ? 'bulk_agent' : 'bulk_session');
    assert.equal(lifeOf(family({ [kind]: { fact, seq: ISSUED_AT + 5 } }), NOW).state, 'revoked');
    assert.equal(lifeOf(family({ [kind]: { fact, seq: ISSUED_AT - 5 } }), NOW).state, 'live');
  }
});

test('given a lapsed passport, when it is revoked, then it is revoked; when its agent is not, it stays lapsed', () => {
  const lapsed = draft(passportLapsed, { reason: 'no_checkpoint', expires_at_ms: NOW, last_checkpoint_at_ms: null, late_ms: 0 });
  assert.equal(lifeOf(family({ own: [lapsed] }), NOW).state, 'lapsed');
  const life = lifeOf(family({ own: [lapsed, revoked('single', 'marked')] }), NOW);
  assert.deepEqual([life.state, life.state === 'revoked' && life.reason], ['revoked', 'marked']);
});

test('given a child, when its parent dies or lives shorter, then so does the child', () => {
  const child = family();
  const [parent, dead] = [family().self, family({ own: [revoked('single', 'parent gone')] }).self];
  assert.equal(lifeOf({ ...child, parents: [parent] }, NOW).state, 'live');
  const life = lifeOf({ ...child, parents: [parent, dead] }, NOW);
  assert.deepEqual([life.state, life.state === 'revoked' && life.reason], ['revoked', 'parent gone']);
  const short = { ...parent, passport: { ...parent.passport, expires_at_ms: NOW + 5 } };
  assert.equal(lifeOf({ ...child, parents: [short] }, NOW).expires_at_ms, NOW + 5);
});

test('given a deadline that falls due, when it is handled, then it waits out the settling time, and says why', () => {
  const { passport } = family().self;
  const { expires_at_ms } = passport;
  assert.deepEqual(lapseOf(passport, expires_at_ms + 249), { at: 'later', due_ms: expires_at_ms + 250 });
  assert.deepEqual(lapseOf(passport, expires_at_ms + 260), { at: 'now', reason: 'no_checkpoint', late_ms: 10 });
  assert.deepEqual(lapseOf(family({ own: [revoked('single')] }).self.passport, expires_at_ms + 999), { at: 'never' });
});

test('given a child whose time goes on when its parent misses a checkpoint, then it ends with the parent; with any other end above it, it has its own', () => {
  const { passport } = family().self;
  const child = { ...passport, expires_at_ms: passport.expires_at_ms + 1 };
  assert.equal(endsWithParent(child, [passport]), true);
  assert.equal(endsWithParent(child, [child, passport]), true);
  assert.equal(endsWithParent(passport, [passport]), false);
  assert.equal(endsWithParent(child, [{ ...passport, issued: { ...passport.issued, mode: 'logged' } }]), false);
  assert.equal(endsWithParent(child, [{ ...passport, issued: { ...passport.issued, deadline_ms: passport.expires_at_ms } }]), false);
});
