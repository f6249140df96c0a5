/** given these facts, when this one comes, then these signals. */
import { deepEqual } from 'node:assert/strict';
import type { Fact } from '@sallyport/contracts/fact.ts';
import type { AnyDetector } from '../../src/framework/detector.ts';
import { eventOf, issuedFacts } from '../../src/framework/event.ts';
import { type KeyState, newKey, type Raised, type Repeated, stepKey } from '../../src/framework/host.ts';
import { DETECTORS } from '../../src/framework/registry.ts';

export interface Told {
  raised: Raised[];
  repeated: Repeated[];
  failed: string[];
  state: KeyState;
}

export function run(facts: readonly Fact[], detectors: readonly AnyDetector[] = DETECTORS, from: KeyState | null = null): Told {
  const first = facts[0];
  let state = from ?? newKey(first?.mission_id ?? '', first?.operator_id ?? '');
  const told: Told = { raised: [], repeated: [], failed: [], state };
  for (const [index, fact] of facts.entries()) {
    const seq = Math.max(state.last_pos.seq, index) + 1;
    const event = eventOf(fact, { seq, index: 0 }, state.passport);
    const stepped = stepKey(detectors, state, event, { issued: issuedFacts(event) });
    state = stepped.state;
    told.raised.push(...stepped.raised);
    told.repeated.push(...stepped.repeated);
    told.failed.push(...stepped.failed);
  }
  // What the host keeps must come back from PostgreSQL as it went.
  deepEqual(JSON.parse(JSON.stringify(state)), state);
  return { ...told, state };
}

export function brief({ raised }: Told): unknown[] {
  return raised.map(({ code, severity, effect }) => [code, severity, effect]);
}
