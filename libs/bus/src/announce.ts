/**
 * Core messages beside the log: they tell sooner, they decide nothing. `cut.<operator>` stands in for a revocation that the log could not take
 * (architecture, "Revocation"); `stack.revoked.<operator>` repeats a written one for whoever listens (api.md §11).
 */
import type { Msg } from '@nats-io/nats-core';
import type { Target } from '@sallyport/contracts/target.ts';
import type { Bus } from './connect.ts';
import { cutSubject, revokedSubject } from './subjects.ts';

/** Gateways hold calls with these targets until the fact arrives or 60 s pass. */
export interface Cut {
  operator_id: string;
  targets: Target[];
}

/** Nobody who says something here asks for a reply. What has one was taken out of a stream by a consumer that somebody aimed at this subject. */
export function isAimed({ reply }: Pick<Msg, 'reply'>): boolean {
  return reply !== undefined && reply !== '';
}

export async function publishCut(bus: Bus, cut: Cut): Promise<void> {
  bus.nc.publish(cutSubject(cut.operator_id), JSON.stringify(cut));
  await bus.nc.flush();
}

export function onCut(bus: Bus, handler: (cut: Cut) => void): { stop(): void } {
  const subscription = bus.nc.subscribe(cutSubject('*'), {
    callback: (error, message) => {
      const cut = error || isAimed(message) ? null : parseCut(message.data);
      if (cut) handler(cut);
    },
  });
  return { stop: () => subscription.unsubscribe() };
}

/** Only owners may publish here (permissions); what is not a cut is ignored. */
function parseCut(data: Uint8Array): Cut | null {
  try {
    const value = JSON.parse(new TextDecoder().decode(data)) as Partial<Cut> | null;
    const { operator_id, targets } = value ?? {};
    return typeof operator_id === 'string' && Array.isArray(targets) && targets.every((one) => typeof one === 'string')
      ? { operator_id, targets }
      : null;
  } catch {
    return null;
  }
}

export function publishRevoked(bus: Bus, operatorId: string, payload: object): void {
  bus.nc.publish(revokedSubject(operatorId), JSON.stringify(payload));
}
