/**
 * After a revocation is written: the gateways' acknowledgements, the published event, the log line; and what is left when it could not be written
 * (api.md §11). None of it decides anything.
 */
import { publishCut, publishRevoked } from '@sallyport/bus/announce.ts';
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import type { FenceAcks } from '@sallyport/bus/fences.ts';
import { liveHolders } from '@sallyport/bus/leases.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import type { Target } from '@sallyport/contracts/target.ts';
import type { Deps } from './deps.ts';

export interface Propagation {
  gateways: number;
  acknowledged: number;
  elapsed_ms: number;
}

const WAIT_MS = 500;
export const NO_PROPAGATION: Propagation = { gateways: 0, acknowledged: 0, elapsed_ms: 0 };

/** Waits for the live gateways at most 500 ms, and never fails for their lack. */
export async function propagation(deps: Deps, decided: { seq: number; acks?: FenceAcks }): Promise<Propagation> {
  const { acks, seq } = decided;
  if (!acks) return NO_PROPAGATION;
  const startedAt = performance.now();
  const boots = await liveGateways(deps);
  const { acked } = await acks.collect(boots, seq, Math.max(0, WAIT_MS - (performance.now() - startedAt)));
  const elapsed_ms = Math.round(performance.now() - startedAt);
  deps.signals.propagated(boots.length, acked.length, elapsed_ms);
  return { gateways: boots.length, acknowledged: acked.length, elapsed_ms };
}

async function liveGateways({ bus, log }: Deps): Promise<string[]> {
  try {
    return (await liveHolders(bus, 'gateway.boot')).map(({ key }) => key.split('.').at(-1) ?? '');
  } catch (error) {
    log.warn(errorFields(error), 'the live gateways are not known');
    return [];
  }
}

/** The event of api.md §11, for whoever listens on the core subject. */
export function announce(deps: Deps, operatorId: string, payload: { type: string } & Record<string, unknown>, count: number): void {
  publishRevoked(deps.bus, operatorId, payload);
  deps.signals.revoked(payload.type, operatorId, count);
}

export interface AgentRevoked {
  agent_id: string;
  reason: string;
  revoked_count: number;
  cascaded_count: number;
}

/** What follows once the revocation of an agent's passports is written as a part of something else. */
export async function tellAgentRevoked(
  deps: Deps,
  operatorId: string,
  decided: { seq: number; acks?: FenceAcks },
  revoked: AgentRevoked,
): Promise<void> {
  await propagation(deps, decided);
  const event = { type: 'bulk_agent', operator_id: operatorId, at: deps.clock.now(), ...revoked };
  announce(deps, operatorId, event, revoked.revoked_count);
}

/** Runs a revocation; when the log cannot take it, gateways are told to cut before the outage goes on its way to the caller. */
export async function cutting<T>(deps: Deps, operatorId: string, targets: Target[], revoke: () => Promise<T>): Promise<T> {
  try {
    return await revoke();
  } catch (error) {
    if (error instanceof LedgerUnavailable) {
      await publishCut(deps.bus, { operator_id: operatorId, targets }).catch(() => undefined);
      deps.signals.cutSent(operatorId);
    }
    throw error;
  }
}
