/** The detectors of this version, in the order in which they see an event. A new one is a file under `detectors/` and a line here. */
import { createHash } from 'node:crypto';
import { credentialOutsideScope } from '../detectors/credential-outside-scope.ts';
import type { AnyDetector, Detector } from './detector.ts';

export const DETECTORS: readonly AnyDetector[] = [registered(credentialOutsideScope)];

/** States are only ever read back by the detector and version that wrote them: the host keys them by both. */
export function registered<S, C>(detector: Detector<S, C>): AnyDetector {
  const { defaults, init, step, ...rest } = detector;
  return {
    ...rest,
    config_digest: createHash('sha256').update(JSON.stringify(defaults)).digest('hex').slice(0, 16),
    init,
    step: (state, event) => step(state as S, event, defaults),
  };
}
