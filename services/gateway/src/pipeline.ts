/**
 * The ordered checks of a proxied call that need no I/O (api.md §8.2, steps 4, 6, 7, 8 and the gate of 10). Pure: it judges one call by one
 * standing, and the same call may be judged again by a fresher one. The first failure is the verdict; nothing is recorded or sent here.
 *
 * Does not verify signatures, resolve names or settle what the log decides: `proxy.ts` does, in the order of §8.2.
 */
import type { Principal } from '@sallyport/contracts/principal.ts';
import type { AgentView, MissionView, OperatorView, PassportView } from '@sallyport/contracts/objects/views.ts';
import type { TokenService } from '@sallyport/contracts/objects/passport.ts';
import type { NormalUrl } from '@sallyport/policy/url.ts';
import type { CallView } from '@sallyport/policy/view.ts';
import { checkCaller } from './checks/caller.ts';
import { checkDestination } from './checks/destination.ts';
import { checkApproval } from './checks/gate.ts';
import { checkLife } from './checks/life.ts';
import { checkRules } from './checks/rules.ts';
import { type Access, checkService, type UsableAccess } from './checks/service.ts';
import type { ProxyRequest } from './proxy/request.ts';
import type { Refusal } from './refusal.ts';

/** All that is believed about a call's caller and passport, as of some log positions. */
export interface Standing {
  principal: Principal;
  passport: PassportView;
  mission: MissionView;
  agent: AgentView;
  operator: OperatorView;
  /** By connection id. */
  access: ReadonlyMap<string, Access>;
}

/** A call that passed: what would be sent, where, and by which connection. */
export interface Plan {
  service: TokenService;
  access: UsableAccess;
  url: NormalUrl;
  view: CallView;
  /** It satisfied a constraint on its path. */
  bound: boolean;
  /** Caps that are used up but only flag. */
  over_caps: string[];
}

/** What is known of the call when it is refused; later fields are null for an earlier step. */
export interface Reached {
  service: TokenService | null;
  url: NormalUrl | null;
  view: CallView | null;
}

export type Judgement = { ok: true; plan: Plan } | { ok: false; refusal: Refusal; reached: Reached };

/** `nowMs`: the ledger's clock. */
export function judge(request: ProxyRequest, standing: Standing, nowMs: number): Judgement {
  const reached: Reached = { service: null, url: null, view: null };
  const refused = (refusal: Refusal): Judgement => ({ ok: false, refusal, reached });

  const life = checkLife(standing, nowMs);
  if (!life.ok) return refused(life.refusal);

  const caller = checkCaller(request, standing);
  if (caller) return refused(caller);

  const chosen = checkService(request.service, standing, nowMs);
  if (!chosen.ok) return refused(chosen.refusal);
  const { service, access } = chosen;
  reached.service = service;

  const destination = checkDestination(request, access);
  reached.url = destination.url;
  if (!destination.ok) return refused(destination.refusal);
  const { url } = destination;

  const rules = checkRules(request, service, access, url);
  reached.view = rules.view;
  if (!rules.ok) return refused(rules.refusal);

  const gate = checkApproval(request, access, rules.view);
  if (gate) return refused(gate);
  return { ok: true, plan: { service, access, url, view: rules.view, bound: rules.bound, over_caps: life.over_caps } };
}
