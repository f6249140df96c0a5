/**
 * The claims of a passport (api.md §6.1) and the check of their shape. Says nothing about signature, issuer or time.
 */
import { isRecord } from './token.ts';

export type Accountability = 'enforced' | 'logged' | 'standard';

/** A constraint as the token carries it; `@sallyport/policy/constraint.ts` reads it before it is judged by. */
export type ClaimedConstraint = { readonly path: string; readonly op: string; readonly value: unknown };

export type PassportService = {
  readonly connection_id: string;
  /** The same connection id under the published name. */
  readonly service_id?: string;
  /** Provider slug. */
  readonly service_name: string;
  readonly scopes: readonly string[];
  readonly credential_ref?: string;
  /** Absent when there are none. */
  readonly constraints?: readonly ClaimedConstraint[];
  /** One group per level; each group is a list of sets. */
  readonly any_of?: readonly (readonly (readonly ClaimedConstraint[])[])[];
  /** Bound resources (api.md §8.2, step 8). */
  readonly resources?: readonly string[];
  /** Absent when the grant says `["*"]`. */
  readonly allow_data_from?: readonly string[];
};

export type PassportClaims = {
  readonly iss: string;
  readonly aud: 'stack:passport';
  /** Agent id, equal to `stk.agent_id`. */
  readonly sub: string;
  readonly jti: string;
  /** Unix seconds, as `nbf` and `exp`. */
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  /** Present exactly when the agent has an enrolled key: its thumbprint. */
  readonly cnf?: { readonly jkt: string };
  readonly stk: {
    readonly operator_id: string;
    readonly agent_id: string;
    readonly agent_name: string;
    readonly services: readonly PassportService[];
    readonly identity_claims: readonly unknown[];
    readonly delegation_depth: number;
    readonly parent_passport_id?: string;
    readonly mission_ids: readonly [string];
    readonly session_id: string;
    readonly accountability: Accountability;
    readonly intent_summary?: string;
    readonly intent_services: readonly string[];
    /** Seconds; absent in standard mode. */
    readonly checkpoint_interval?: number;
  };
};

/** True when the payload has every claim of a passport in its form. Unknown claims are let be. */
export function isPassportClaims(value: unknown): value is PassportClaims {
  if (!isRecord(value) || value['aud'] !== 'stack:passport') return false;
  if (!['iss', 'sub', 'jti'].every((key) => isText(value[key]))) return false;
  if (!['iat', 'nbf', 'exp'].every((key) => isSeconds(value[key]))) return false;
  const { cnf, stk } = value;
  if (cnf !== undefined && !(isRecord(cnf) && isText(cnf['jkt']))) return false;
  return isRecord(stk) && isStackClaims(stk) && stk['agent_id'] === value['sub'];
}

function isStackClaims(stk: Record<string, unknown>): boolean {
  const missions = stk['mission_ids'];
  const depth = stk['delegation_depth'];
  return (
    ['operator_id', 'agent_id', 'agent_name', 'session_id'].every((key) => isText(stk[key])) &&
    isListOf(stk['services'], isService) &&
    Array.isArray(stk['identity_claims']) &&
    typeof depth === 'number' &&
    Number.isInteger(depth) &&
    depth >= 0 &&
    depth <= 4 &&
    isListOf(missions, isText) &&
    missions.length === 1 &&
    isMode(stk['accountability']) &&
    isListOf(stk['intent_services'], isText) &&
    isAbsentOr(stk['parent_passport_id'], isText) &&
    isAbsentOr(stk['intent_summary'], isString) &&
    isAbsentOr(stk['checkpoint_interval'], isSeconds)
  );
}

// A restriction in a form that we cannot read makes the whole token unreadable: it must not vanish.
function isService(value: unknown): boolean {
  return (
    isRecord(value) &&
    isText(value['connection_id']) &&
    isText(value['service_name']) &&
    isListOf(value['scopes'], isString) &&
    isAbsentOr(value['service_id'], (id) => id === value['connection_id']) &&
    isAbsentOr(value['credential_ref'], isText) &&
    isAbsentOr(value['constraints'], isConstraintList) &&
    isAbsentOr(value['any_of'], (groups) => isListOf(groups, (sets) => isListOf(sets, isConstraintList))) &&
    isAbsentOr(value['resources'], (list) => isListOf(list, isText)) &&
    isAbsentOr(value['allow_data_from'], (list) => isListOf(list, isText))
  );
}

function isConstraintList(value: unknown): boolean {
  return isListOf(value, (item) => isRecord(item) && isText(item['path']) && isText(item['op']) && Object.hasOwn(item, 'value'));
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): value is readonly unknown[] {
  return Array.isArray(value) && value.every((item) => isItem(item));
}

function isAbsentOr(value: unknown, isGood: (value: unknown) => boolean): boolean {
  return value === undefined || isGood(value);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isMode(value: unknown): value is Accountability {
  return value === 'enforced' || value === 'logged' || value === 'standard';
}
