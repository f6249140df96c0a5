/**
 * One request to an upstream, once: no redirect, no retry, 30 s from dialling to the last byte (api.md §8.3, §8.5). Tells whether any byte can
 * have left. `dispatch` begins in the turn in which it is called.
 */
import type { Dispatcher, Pool } from 'undici';
import { createDeadlines } from '../deadlines.ts';
import type { CutCause } from './in-flight.ts';
import { MAX_RESPONSE_BYTES } from './response.ts';
import type { Room, Share } from './room.ts';

export interface Outgoing {
  path: string;
  method: Dispatcher.HttpMethod;
  headers: Record<string, string>;
  body: string | Buffer | null;
}

export type Stage = 'connect' | 'tls' | 'protocol';

export type Outcome =
  | { kind: 'answer'; status: number; headers: Readonly<Record<string, string | string[] | undefined>>; body: Buffer; share: Share }
  | { kind: 'unreachable'; stage: Stage; sent: boolean }
  | { kind: 'timeout'; sent: boolean }
  | { kind: 'too_large' }
  /** `mayStart` said no. */
  | { kind: 'held_back' }
  | { kind: 'cut'; cause: CutCause; sent: boolean };

export interface Upstream {
  /** `mayStart` is asked right before the first byte; false leaves the request unsent. */
  dispatch(pool: Pool, outgoing: Outgoing, mayStart: () => boolean): { outcome: Promise<Outcome>; cut: (cause: CutCause) => void };
}

const TOTAL_MS = 30_000;

export function createUpstream(room: Room): Upstream {
  const deadlines = createDeadlines(TOTAL_MS, 100);

  return {
    dispatch: (pool, outgoing, mayStart) => {
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      let controller: Dispatcher.DispatchController | null = null;
      let given: Outcome | null = null;
      let sent = false;
      let status = 0;
      let headers: Readonly<Record<string, string | string[] | undefined>> = {};
      let size = 0;
      const parts: Buffer[] = [];
      const share = room.enter({ pause: () => controller?.pause(), resume: () => controller?.resume() });

      function end(outcome: Outcome): void {
        if (given) return;
        given = outcome;
        deadline.clear();
        if (outcome.kind !== 'answer') share.release();
        resolve(outcome);
      }
      /** The outcome first: the abort comes back as an error. */
      function abort(outcome: Outcome): void {
        end(outcome);
        controller?.abort(new Error('ended'));
      }
      const deadline = deadlines.begin(() => abort({ kind: 'timeout', sent }));

      pool.dispatch(
        { ...outgoing, headersTimeout: 0, bodyTimeout: 0 },
        {
          onRequestStart: (started) => {
            controller = started;
            if (given || !mayStart()) {
              end({ kind: 'held_back' });
              started.abort(new Error('ended'));
              return;
            }
            sent = true;
          },
          onResponseStart: (_controller, code, fields) => {
            // Informational answers come before the real one.
            if (code < 200) return;
            status = code;
            headers = fields;
          },
          onResponseData: (_controller, chunk) => {
            size += chunk.length;
            if (size > MAX_RESPONSE_BYTES) return abort({ kind: 'too_large' });
            parts.push(chunk);
            share.take(chunk.length);
          },
          onResponseEnd: () => {
            const [only] = parts;
            const body = only && parts.length === 1 ? only : Buffer.concat(parts, size);
            end({ kind: 'answer', status, headers, body, share });
          },
          onResponseError: (_controller, error) => end({ kind: 'unreachable', stage: stageOf(error, sent), sent }),
        },
      );
      return { outcome: promise, cut: (cause) => abort({ kind: 'cut', cause, sent }) };
    },
  };
}

function stageOf(error: Error, sent: boolean): Stage {
  if (sent) return 'protocol';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|EPROTO)/.test(code)) return 'tls';
  return /^(UND_ERR_INVALID_ARG|UND_ERR_NOT_SUPPORTED)/.test(code) ? 'protocol' : 'connect';
}
