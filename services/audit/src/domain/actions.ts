/**
 * Which facts are rows, and what the row says besides the envelope (api.md §16.1 "Actions"). A fact type that is not here makes no row:
 * fences, idempotency records, assertions, gateway starts, keys and other parts of a decision whose row is another fact of the same batch.
 */
import type { Layer, Outcome } from '@sallyport/audit-chain/row.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';

export interface ActionOf {
  action: string | ((data: Fact['data']) => string);
  layer: Layer;
  outcome?: Outcome;
  /** Members of `data` that become `metadata`. */
  keep: readonly string[];
}

const system = (action: ActionOf['action'], ...keep: string[]): ActionOf => ({ action, layer: 'system', keep });

export const ACTIONS: Readonly<Record<string, ActionOf>> = {
  'operator.bootstrapped': system('operator.bootstrap', 'name', 'owner_id'),
  'operator.updated': system('operator.update', 'changes'),
  'operator.frozen': system('operator.freeze', 'reason'),
  'operator.unfrozen': system('operator.unfreeze', 'reason'),
  'operator.key_rotated': system('operator.rotate_key', 'old_key_id', 'new_key_id', 'grace_seconds'),
  'key.rotated': system('key.rotate', 'purpose', 'kid', 'retired'),
  'key.revoked': system('key.revoke', 'purpose', 'kid', 'replaced_by', 'reason'),
  'member.invited': system('member.invite', 'member_id', 'role', 'allowed_connections', 'expires_at_ms'),
  'member.accepted': system('member.accept', 'member_id', 'key_id'),
  'member.updated': system('member.update', 'member_id', 'changes'),
  'member.key_rotated': system('member.rotate_key', 'member_id', 'old_key_id', 'new_key_id'),
  'member.removed': system('member.remove', 'member_id', 'revoke_passports'),
  'agent.registered': system('agent.register'),
  'agent.updated': system('agent.update'),
  'agent.deleted': system('agent.delete'),
  'agent.blocked': system('agent.block', 'reason', 'by'),
  'agent.unblocked': system('agent.unblock', 'comment'),
  'agent.enrolled': system('agent.enroll', 'key_thumbprint', 'rotated'),
  'agent.enrolment_approved': system('agent.approve_enrolment', 'member_id', 'machine', 'process', 'replaces_key'),
  'agent.enrolment_denied': system('agent.deny_enrolment', 'member_id', 'machine', 'process'),
  'grant.changed': system('grant.change'),
  'grant.removed': system('grant.remove', 'connection_id'),
  'mission.opened': system('mission.open', 'mission_id', 'implicit', 'parent_mission_id', 'intent_summary', 'intent_services', 'caps'),
  'mission.completed': system('mission.complete', 'terminal_state', 'output_sha256', 'revoked', 'cascaded'),
  'mission.revoked': system('mission.revoke', 'terminal_state', 'reason', 'notes', 'revoked', 'cascaded'),
  'mission.expired': system('mission.expire', 'revoked'),
  'passport.issued': system('passport.issue', 'mode', 'depth', 'intent_summary', 'intent_services', 'granted', 'expires_at_ms', 'kid'),
  'passport.refreshed': system(
    'passport.refresh',
    'superseded',
    'mode',
    'depth',
    'intent_summary',
    'intent_services',
    'granted',
    'expires_at_ms',
    'kid',
  ),
  'passport.delegated': system(
    'passport.delegate',
    'parent_jti',
    'child_jti',
    'child_agent_id',
    'child_mission_id',
    'child_services',
    'scope_share',
    'depth',
  ),
  'passport.delegation_refused': { ...system('passport.delegate', 'reason', 'child_agent_id', 'depth'), outcome: 'blocked' },
  'mission.renewed': system('mission.renew', 'jti'),
  'checkpoint.recorded': system(
    'passport.checkpoint',
    'checkpoint_id',
    'number',
    'services_used',
    'actions_count',
    'tool_calls',
    'delegated_to',
    'summary',
    'outside',
    'flags',
    'revoked',
  ),
  'mission.checked_out': system(
    'passport.checkout',
    'checkout_id',
    'services_used',
    'actions_count',
    'tool_calls',
    'delegated_to',
    'summary',
    'outcome',
    'keep_children',
    'ended_by',
    'review_status',
    'flags',
  ),
  'review.opened': system('review.open', 'review_id', 'checkout_id', 'review_status', 'flags', 'ended_by'),
  'review.decided': system(
    'review.decide',
    'review_id',
    'checkout_id',
    'decision',
    'notes',
    'block_future',
    'passport_blocked',
    'flags_seen',
  ),
  'passport.revoked': system('passport.revoke', 'kind', 'target', 'reason', 'cascaded', 'revoked_count', 'cascaded_count', 'by'),
  'passport.revoke_cascaded': system('passport.revoke_cascade', 'root', 'reason'),
  'passport.lapsed': system('passport.lapse', 'reason', 'expires_at_ms', 'late_ms'),
  'service.connected': system('service.connect'),
  'service.updated': {
    action: (data) =>
      data['credential_changed'] === true && isOnly(data['changed'], 'credential') ? 'credential.change' : 'service.update',
    layer: 'system',
    keep: ['changed', 'credential_changed'],
  },
  'service.verified': system('service.verify', 'verification', 'status'),
  'service.disconnected': system('service.disconnect', 'provider'),
  'signal.raised': system('security_event.create', 'signal_id', 'detector', 'code', 'severity', 'message', 'effect', 'dry_run'),
  'security_event.acknowledged': system('security_event.acknowledge', 'signal_id'),
  'security_event.resolved': system('security_event.resolve', 'signal_id', 'resolution', 'note'),
  'auth.login': system('auth.login', 'session_id', 'method', 'expires_at_ms'),
  'auth.logout': system('auth.logout', 'session_id'),
  // A person lets a program act: signed in for it, until the program's tokens end.
  'oauth.granted': system('auth.login', 'grant_id', 'client_id', 'client_name', 'scopes', 'via'),
  'oauth.grant_revoked': system('auth.logout', 'grant_id', 'client_id', 'reason'),
  'auth.token_reused': { ...system('auth.token_reuse', 'grant_id', 'client_id', 'token_id'), outcome: 'blocked' },
  'audit.exported': system('audit.export', 'format', 'from', 'to', 'agent_id'),
  'call.attempted': {
    action: 'credential.proxy',
    layer: 'vault',
    outcome: 'pending',
    keep: ['call_id', 'operation_id', 'resource', 'boot_id'],
  },
  'call.denied': {
    action: 'credential.proxy',
    layer: 'vault',
    outcome: 'blocked',
    keep: ['call_id', 'operation_id', 'reason', 'gate_reason', 'changed', 'failed', 'intent_services', 'granted_providers'],
  },
  'call.completed': { action: 'credential.proxy', layer: 'vault', keep: ['call_id', 'operation_id', 'upstream', 'sent', 'over_caps'] },
};

/** The type of the fact that made a row; the action itself where several facts share action and outcome. */
export function factTypeOf(action: string, outcome: Outcome): string {
  const named = Object.entries(ACTIONS).filter(([, of]) => of.action === action);
  const [exact] = named.find(([, of]) => of.outcome === outcome) ?? named.find(([, of]) => of.outcome === undefined) ?? [];
  return exact ?? (typeof named[0]?.[0] === 'string' ? named[0][0] : (BY_DATA[action] ?? action));
}

/** Actions that depend on the fact's data. */
const BY_DATA: Readonly<Record<string, string>> = { 'service.update': 'service.updated', 'credential.change': 'service.updated' };

function isOnly(list: unknown, name: string): boolean {
  return Array.isArray(list) && list.every((one) => one === name);
}
