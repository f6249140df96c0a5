/** Tables of the read models, all made from the ledger and disposable but for `signing_key`. `state` columns hold the domain's own states. */
import type { Step } from '@sallyport/projections/migrate.ts';
import type { ColumnType } from 'kysely';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { AgentState } from '../domain/agent.ts';
import type { MemberState } from '../domain/member.ts';
import type { MissionState } from '../domain/mission.ts';
import type { PassportState } from '../domain/passport.ts';
import type { ReviewState } from '../domain/review.ts';
import type { Flag } from '@sallyport/contracts/objects/passport.ts';
import type { checkpointRecorded } from '@sallyport/contracts/facts/passports.ts';
import type { Static } from 'typebox';

/** Read as a value, written as JSON text. */
type Json<T> = ColumnType<T, string, string>;

export interface Tables {
  agent: { agent_id: string; operator_id: string; name: string; status: Agent['status']; state: Json<AgentState> };
  connection: { connection_id: string; operator_id: string; object: Json<Connection> };
  mission: {
    mission_id: string;
    operator_id: string;
    agent_id: string | null;
    status: string;
    implicit: boolean;
    parent_mission_id: string | null;
    opened_ms: number;
    expires_ms: number;
    sessions: string[];
    checkpoints: number;
    outcome: string | null;
    review_status: string | null;
    flags: Json<Flag[]>;
    state: Json<MissionState>;
  };
  passport: {
    jti: string;
    /** The first jti of its refreshes. */
    line: string;
    operator_id: string;
    agent_id: string;
    session_id: string;
    mission_id: string;
    /** Jtis and lines of all parents. */
    parents: string[];
    connections: string[];
    issued_seq: number;
    issued_ms: number;
    expires_ms: number;
    status: 'active' | 'revoked' | 'lapsed' | 'checked_out' | 'superseded';
    /** When it lapsed for want of a checkpoint. */
    lapsed_ms: number | null;
    /** Message that ended it; 0 while it lives. */
    ended_seq: number;
    state: Json<PassportState>;
  };
  /** Runs that have ended, but for those in standard mode. */
  review: {
    checkout_id: string;
    operator_id: string;
    agent_id: string;
    mission_id: string;
    review_status: string;
    /** Null: a clean run. */
    state: string | null;
    review_id: string | null;
    review: Json<ReviewState>;
  };
  checkpoint: { checkpoint_id: string; line: string; operator_id: string; recorded_ms: number; data: Json<CheckpointRow> };
  /** No read model: what lies here is nowhere else, sealed. Its digest is in the log. */
  mission_output: { mission_id: string; sha256: string; operator_id: string; sealed: string; kept_ms: number };
  mission_usage: {
    mission_id: string;
    operator_id: string;
    calls: number;
    denied: number;
    failed: number;
    actions: number;
    security_events: number;
  };
  service_usage: { mission_id: string; service: string; reads: number; writes: number; actions: number; last_ms: number };
  open_attempt: { attempt_id: string; operator_id: string; mission_id: string; service: string };
  passport_usage: { jti: string; operator_id: string; last_used_ms: number };
  /** Not from the ledger: sealed private parts, see `signing-key-store.ts`. */
  signing_key: { kid: string; purpose: string; sealed: string };
  /** `email` in lower case. */
  member: { member_id: string; operator_id: string; email: string; status: string; state: Json<MemberState> };
  /** Whose credential issued a passport, where it was a member's. */
  member_passport: { jti: string; member_id: string };
  /** Not from the ledger: when a member's credential was last used, to the minute. */
  member_seen: { member_id: string; last_seen_ms: number };
}

export type CheckpointRow = Pick<
  Static<typeof checkpointRecorded.data>,
  'checkpoint_id' | 'recorded_at_ms' | 'services_used' | 'actions_count' | 'summary' | 'flags' | 'delegated_to'
>;

export const STEPS: readonly Step[] = [
  {
    name: 'agents, connections, missions, passports, usage',
    up: `
      create table agent (
        agent_id text primary key, operator_id text not null, name text not null, status text not null, state jsonb not null);
      create index agent_by_operator on agent (operator_id, agent_id desc);
      create table connection (connection_id text primary key, operator_id text not null, object jsonb not null);
      create index connection_by_operator on connection (operator_id);
      create table mission (
        mission_id text primary key, operator_id text not null, agent_id text, status text not null, implicit boolean not null, parent_mission_id text,
        opened_ms bigint not null, expires_ms bigint not null, sessions text[] not null, checkpoints int not null, outcome text, review_status text,
        flags jsonb not null, state jsonb not null);
      create index mission_by_operator on mission (operator_id, mission_id desc);
      create index mission_by_agent on mission (agent_id, mission_id desc);
      create index mission_by_parent on mission (parent_mission_id) where parent_mission_id is not null;
      create table passport (
        jti text primary key, operator_id text not null, agent_id text not null, session_id text not null, mission_id text not null, parents text[] not null,
        connections text[] not null, issued_seq bigint not null, issued_ms bigint not null, expires_ms bigint not null, status text not null,
        ended_seq bigint not null, state jsonb not null);
      create index passport_live on passport (operator_id, jti desc) where status = 'active';
      create index passport_by_agent on passport (agent_id) where status = 'active';
      create index passport_by_session on passport (session_id);
      create index passport_by_mission on passport (mission_id);
      create index passport_by_end on passport (ended_seq) where ended_seq > 0;
      create index passport_by_parent on passport using gin (parents);
      create table mission_usage (
        mission_id text primary key, operator_id text not null, calls int not null, denied int not null, failed int not null, actions int not null);
      create table service_usage (
        mission_id text, service text, reads int not null, writes int not null, actions int not null, last_ms bigint not null, primary key (mission_id, service));
      create table open_attempt (attempt_id text primary key, operator_id text not null, mission_id text not null, service text not null);
      create index open_attempt_by_mission on open_attempt (mission_id);
      create table passport_usage (jti text primary key, operator_id text not null, last_used_ms bigint not null);`,
  },
  {
    name: 'private parts of signing keys',
    up: 'create table signing_key (kid text primary key, purpose text not null, sealed text not null, made_at timestamptz not null default now());',
  },
  {
    name: 'members',
    up: `
      create table member (member_id text primary key, operator_id text not null, email text not null, status text not null, state jsonb not null);
      create index member_by_operator on member (operator_id, member_id desc);
      create index member_by_email on member (email) where status <> 'removed';
      create table member_passport (jti text primary key, member_id text not null);
      create index member_passport_by_member on member_passport (member_id);
      create table member_seen (member_id text primary key, last_seen_ms bigint not null);`,
  },
  {
    name: 'reviews',
    up: `
      create table review (
        checkout_id text primary key, operator_id text not null, agent_id text not null, mission_id text not null, review_status text not null, state text,
        review_id text, review jsonb not null);
      create index review_by_operator on review (operator_id, checkout_id desc);
      create index review_by_mission on review (mission_id);`,
  },
  {
    name: 'lines, checkpoints, outputs',
    up: `
      truncate agent, connection, mission, passport, review;
      delete from cursor where name = 'model';
      alter table passport add column line text not null, add column lapsed_ms bigint;
      create index passport_by_line on passport (line);
      create index passport_lapsed on passport (agent_id, lapsed_ms) where lapsed_ms is not null;
      create table checkpoint (
        checkpoint_id text primary key, line text not null, operator_id text not null, recorded_ms bigint not null, data jsonb not null);
      create index checkpoint_by_line on checkpoint (line, recorded_ms);
      create table mission_output (
        mission_id text not null, sha256 text not null, operator_id text not null, sealed text not null, kept_ms bigint not null,
        primary key (mission_id, sha256));
      create index mission_output_by_time on mission_output (operator_id, kept_ms);`,
  },
  {
    name: 'security events of missions',
    up: `
      truncate mission_usage, service_usage, open_attempt, passport_usage;
      delete from cursor where name = 'usage';
      alter table mission_usage add column security_events int not null;`,
  },
];
