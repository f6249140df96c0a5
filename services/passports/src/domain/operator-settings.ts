/** Changing an operator's settings (api.md §4), and which changes loosen a protection (§3.2). Pure. */
import type { OperatorSettings, SettingsPatch } from '@sallyport/contracts/objects/operator.ts';

/** Only what differs; null clears what may be null and changes nothing else. */
export function settingsChanges(before: OperatorSettings, patch: SettingsPatch): Partial<OperatorSettings> {
  const changes: Partial<OperatorSettings> = {};
  const take = <K extends keyof OperatorSettings>(name: K, value: OperatorSettings[K] | null | undefined): void => {
    if (value === undefined || (value === null && name !== 'audit_retention_days') || value === before[name]) return;
    // Null only where the setting's own type has it.
    changes[name] = value as OperatorSettings[K];
  };
  take('default_connection_access', patch.default_connection_access);
  take('default_credential_access', patch.default_credential_access);
  take('raw_reads', patch.raw_reads);
  take('api_keys_may_approve', patch.api_keys_may_approve);
  take('default_mission_seconds', patch.default_mission_seconds);
  take('max_mission_seconds', patch.max_mission_seconds);
  take('pending_ttl_seconds', patch.pending_ttl_seconds);
  take('approved_ttl_seconds', patch.approved_ttl_seconds);
  take('intent_body_retention_days', patch.intent_body_retention_days);
  take('audit_retention_days', patch.audit_retention_days);
  take('standard_checkpoints', patch.standard_checkpoints);
  return changes;
}

/** From tight to loose. */
export const CREDENTIAL_ACCESS: readonly OperatorSettings['default_credential_access'][] = ['proxy_only', 'proxy_preferred', 'direct'];
const RAW_READS: readonly OperatorSettings['raw_reads'][] = ['off', 'members', 'all'];

function later<V>(order: readonly V[], before: V, after: V | undefined): boolean {
  return after !== undefined && order.indexOf(after) > order.indexOf(before);
}

/** Paths of the settings whose change loosens. A longer life of approvals is part of every rule that nobody wrote, so it counts like in a rule. */
export function loosenedSettings(before: OperatorSettings, changes: Partial<OperatorSettings>): string[] {
  const { api_keys_may_approve, raw_reads, default_credential_access, approved_ttl_seconds } = changes;
  const loosens: (keyof OperatorSettings)[] = [];
  if (api_keys_may_approve === true && !before.api_keys_may_approve) loosens.push('api_keys_may_approve');
  if (later(RAW_READS, before.raw_reads, raw_reads)) loosens.push('raw_reads');
  if (later(CREDENTIAL_ACCESS, before.default_credential_access, default_credential_access)) loosens.push('default_credential_access');
  if (approved_ttl_seconds !== undefined && approved_ttl_seconds > before.approved_ttl_seconds) loosens.push('approved_ttl_seconds');
  return loosens.map((name) => `settings.${name}`);
}
