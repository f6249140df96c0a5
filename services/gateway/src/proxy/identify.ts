/**
 * Step 3 of api.md §8.2: who calls, with which passport, and whether the caller possesses it. Every answer used here is either kept and
 * still holds, or was asked for after the call arrived; `fresh` says that only the latter were used.
 */
import type { Principal } from '@sallyport/contracts/principal.ts';
import type { Hash } from '@sallyport/admission/entry.ts';
import { agentSubject, verifyAgentToken } from '@sallyport/passport-verify/agent-jwt.ts';
import type { PassportClaims } from '@sallyport/passport-verify/claims.ts';
import { thumbprint } from '@sallyport/passport-verify/keys.ts';
import type { UnverifiedToken } from '@sallyport/passport-verify/token.ts';
import type { AgentView, RefusedCredential } from '@sallyport/contracts/objects/views.ts';
import type { Bearing } from '../http/bearer.ts';
import type { Feed } from '../log/feed.ts';
import type { Standing } from '../pipeline.ts';
import { type Refusal, refusal, unauthorized } from '../refusal.ts';
import type { KnownPassport, Passports } from '../views/passports.ts';
import { type KnownPrincipal, personBearer, type Principals } from '../views/principals.ts';
import { Unanswered } from '../views/questions.ts';

export interface Identity {
  standing: Standing;
  known: KnownPassport;
  /** Hash of the caller's key or member; undefined for an agent. */
  caller: Hash | undefined;
  /** The agent JWT that was used. */
  jwt: { agent_id: string; jti: string } | null;
  key_thumb: string | null;
  /** Log position up to which these answers are known to hold. */
  checked: number;
  /** `performance.now()` of the oldest question that a refusal would rest on. */
  asked_at: number;
}

/** `known`: the passport, where it was found: then its operator's log can record the refusal. */
export type Identified = { ok: true; identity: Identity } | { ok: false; refusal: Refusal; known: KnownPassport | null; asked_at: number };

export interface IdentifyDeps {
  feed: Feed;
  passports: Passports;
  principals: Principals;
  /** Unix ms of the ledger. */
  now(): number;
}

export interface Presented {
  bearer: Bearing;
  claims: PassportClaims;
  arrived_at: number;
  request_id: string;
}

/** `fresh`: ask anew, whatever is kept. At once where everything is kept. Throws Unanswered when an owner does not answer in time. */
export function identify(deps: IdentifyDeps, presented: Presented, fresh: boolean): Identified | Promise<Identified> {
  const { claims, arrived_at, request_id } = presented;
  const kept = fresh ? null : deps.passports.kept(claims.jti);
  if (kept?.holds === 'yes') return withPassport(deps, presented, kept.known, fresh, null);
  const revoked = kept?.holds === 'dead' ? deps.passports.revoked(kept.known) : null;
  if (revoked) return withPassport(deps, presented, revoked, fresh, null);
  const asked = askKey(deps, presented, fresh);
  return deps.passports
    .ask(claims.stk.operator_id, claims.jti, arrived_at, request_id)
    .then((known) => (known ? withPassport(deps, presented, known, fresh, asked) : unknownPassport(arrived_at)))
    .catch((error: unknown) => {
      if (kept?.holds === 'dead' && error instanceof Unanswered) return surelyDead(kept.known, arrived_at);
      throw error;
    });
}

/** Beside the question about the passport, not after it; both are sent after the call arrived. Null: what is kept of the key may be used. */
function askKey(deps: IdentifyDeps, { bearer, arrived_at, request_id }: Presented, fresh: boolean): Promise<KnownPrincipal | null> | null {
  if (bearer.kind !== 'key' || (!fresh && deps.principals.kept(bearer.sha256)?.holds === 'yes')) return null;
  const asked = deps.principals.ask(bearer.sha256, arrived_at, request_id);
  // Where the passport already decides, nobody reads this answer.
  asked.catch(() => undefined);
  return asked;
}

/** The log says that the passport was revoked or ended; only its owner knows the words. */
function surelyDead(known: KnownPassport, askedAt: number): Identified {
  const { jti } = known.resolved.passport;
  const refused = refusal('PASSPORT_REVOKED', `Passport ${jti} was revoked.`, { reason: 'revoked' });
  return { ok: false, refusal: refused, known, asked_at: askedAt };
}

function unknownPassport(askedAt: number): Identified {
  const refused = unauthorized('bad_signature', 'This platform knows no such passport.');
  return { ok: false, refusal: refused, known: null, asked_at: askedAt };
}

function withPassport(
  deps: IdentifyDeps,
  presented: Presented,
  known: KnownPassport,
  fresh: boolean,
  asked: Promise<KnownPrincipal | null> | null,
): Identified | Promise<Identified> {
  const bearer = asked ? asked.then((principal) => keyOf(deps, principal)) : bearerOf(deps, presented, known, fresh);
  return bearer instanceof Promise ? bearer.then((told) => identified(deps, known, told)) : identified(deps, known, bearer);
}

function identified(deps: IdentifyDeps, known: KnownPassport, bearer: Bearer): Identified {
  if (!bearer.ok) return { ok: false, refusal: bearer.refusal, known, asked_at: Math.min(known.asked_at, bearer.asked_at) };

  const { principal, caller, jwt, key_thumb, position } = bearer;
  const { passport, mission, agent, operator } = known.resolved;
  const standing: Standing = { principal, passport, mission, agent, operator, access: known.access };
  const refused = possession(principal, known, key_thumb);
  const asked_at = Math.min(known.asked_at, bearer.asked_at);
  if (refused) return { ok: false, refusal: refused, known, asked_at };
  // A caller whom nothing limits is the reason of no refusal, nor is any where the log itself ended the passport.
  const limited = principal.allowed_connections !== null || principal.scopes !== null;
  const rests_on = limited && known.asked_at !== NOT_ASKED ? asked_at : known.asked_at;
  const applied = deps.feed.position();
  const checked = Math.min(Math.max(known.position, applied), Math.max(position, applied));
  return { ok: true, identity: { standing, known, caller, jwt, key_thumb, checked, asked_at: rests_on } };
}

type Bearer =
  | {
      ok: true;
      principal: Principal;
      caller: Hash | undefined;
      jwt: Identity['jwt'];
      key_thumb: string | null;
      position: number;
      asked_at: number;
    }
  | { ok: false; refusal: Refusal; asked_at: number };

const NOT_ASKED = Number.POSITIVE_INFINITY;

function bearerOf(deps: IdentifyDeps, presented: Presented, known: KnownPassport, fresh: boolean): Bearer | Promise<Bearer> {
  const { bearer } = presented;
  switch (bearer.kind) {
    case 'none':
      return { ok: false, refusal: missing(known), asked_at: NOT_ASKED };
    case 'bad':
      return { ok: false, refusal: unauthorized(bearer.reason, 'The bearer credential cannot be used here.'), asked_at: NOT_ASKED };
    case 'ticket':
      return {
        ok: false,
        refusal: unauthorized('wrong_credential_kind', 'A ticket enrols an agent and opens nothing else.'),
        asked_at: NOT_ASKED,
      };
    case 'key':
      return byKey(deps, bearer.sha256, presented, known, fresh);
    case 'jwt':
      return bearer.purpose === 'agent'
        ? byAgentJwt(deps, bearer.read, presented, known)
        : byPerson(deps, bearer.token, presented, known, fresh);
  }
}

function missing(known: KnownPassport): Refusal {
  const bound = known.resolved.passport.cnf_jkt !== null;
  return unauthorized(bound ? 'proof_of_possession_required' : 'missing', 'The call has no bearer credential.');
}

function byKey(
  deps: IdentifyDeps,
  sha256: string,
  { arrived_at, request_id }: Presented,
  known: KnownPassport,
  fresh: boolean,
): Bearer | Promise<Bearer> {
  const kept = fresh ? null : keptPrincipal(deps, sha256, known);
  if (kept) return keyOf(deps, kept);
  return deps.principals.ask(sha256, arrived_at, request_id).then((principal) => keyOf(deps, principal));
}

function keptPrincipal(deps: IdentifyDeps, sha256: string, known: KnownPassport): KnownPrincipal | null {
  const kept = deps.principals.kept(sha256);
  // An answer as old as the log that is read here would make a later revocation of the passport look like one of this call.
  const isBehind = kept !== null && known.position > deps.feed.position() && kept.known.position < known.position;
  return kept?.holds === 'yes' && !isBehind ? kept.known : null;
}

/** A session or an access token: its owner verified it, and it holds until it expires or the member is narrowed. */
function byPerson(
  deps: IdentifyDeps,
  token: string,
  { arrived_at, request_id }: Presented,
  known: KnownPassport,
  fresh: boolean,
): Bearer | Promise<Bearer> {
  const shown = personBearer(token);
  const kept = fresh ? null : keptPrincipal(deps, shown.sha256, known);
  if (kept) return personOf(deps, kept);
  return deps.principals.askToken(shown, arrived_at, request_id).then((told) => personOf(deps, told));
}

function personOf(deps: IdentifyDeps, told: KnownPrincipal | RefusedCredential | null): Bearer {
  if (!told || 'refused' in told) return noPerson(told?.refused.reason ?? 'bad_signature');
  const { view, caller, position, asked_at } = told;
  if (view.expires_at_ms !== null && view.expires_at_ms <= deps.now()) return noPerson('expired');
  return { ok: true, principal: view.principal, caller, jwt: null, key_thumb: null, position, asked_at };
}

function noPerson(reason: string): Bearer {
  return { ok: false, refusal: unauthorized(reason, 'This token signs nobody in.'), asked_at: NOT_ASKED };
}

function keyOf(deps: IdentifyDeps, principal: KnownPrincipal | null): Bearer {
  if (!principal || (principal.view.expires_at_ms !== null && principal.view.expires_at_ms <= deps.now())) {
    return { ok: false, refusal: refusal('INVALID_API_KEY', 'This key belongs to nobody.'), asked_at: principal?.asked_at ?? NOT_ASKED };
  }
  const { view, caller, position, asked_at } = principal;
  return { ok: true, principal: view.principal, caller, jwt: null, key_thumb: null, position, asked_at };
}

function badToken(reason: string, askedAt: number): Bearer {
  return { ok: false, refusal: unauthorized(reason, 'The agent token cannot be used.'), asked_at: askedAt };
}

function byAgentJwt(deps: IdentifyDeps, read: UnverifiedToken, { request_id }: Presented, known: KnownPassport): Bearer | Promise<Bearer> {
  const subject = agentSubject(read);
  if (subject === null) return badToken('malformed', NOT_ASKED);
  if (subject === known.resolved.passport.agent_id) return agentOf(deps, read, known.resolved.agent, known.asked_at);
  return deps.principals.askAgent(subject, request_id).then((view) => agentOf(deps, read, view, NOT_ASKED));
}

function agentOf(deps: IdentifyDeps, read: UnverifiedToken, view: AgentView | null, asked_at: number): Bearer {
  const agent = view?.agent;
  if (!view || !agent?.public_key || agent.status === 'deleted') return badToken('not_enrolled', asked_at);
  const verdict = verifyAgentToken(read, { jwk: agent.public_key, now_seconds: Math.floor(deps.now() / 1000) });
  if (!verdict.ok) return badToken(verdict.reason, verdict.reason === 'bad_signature' ? asked_at : NOT_ASKED);
  const principal: Principal = {
    type: 'agent',
    id: agent.id,
    operator_id: agent.operator_id,
    role: null,
    credential: 'agent_jwt',
    allowed_connections: null,
    scopes: null,
    target: '',
  };
  const jwt = { agent_id: agent.id, jti: verdict.jti };
  const key_thumb = agent.key_thumbprint ?? thumbprint(agent.public_key);
  return { ok: true, principal, caller: undefined, jwt, key_thumb, position: view.position, asked_at };
}

function possession(principal: Principal, known: KnownPassport, keyThumb: string | null): Refusal | null {
  const { passport } = known.resolved;
  if (principal.operator_id !== passport.operator_id) {
    return {
      ...unauthorized('wrong_credential_kind', 'The bearer and the passport do not belong together.'),
      recorded_reason: 'foreign_operator',
    };
  }
  if (passport.cnf_jkt === null) return null;
  if (principal.type !== 'agent')
    return unauthorized('proof_of_possession_required', 'This passport works only with a token of its agent.');
  if (principal.id === passport.agent_id && keyThumb === passport.cnf_jkt) return null;
  return unauthorized('proof_of_possession_mismatch', 'This passport belongs to another key.');
}
