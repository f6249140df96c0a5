/**
 * The administrator on the host, as a client of the bus (`Operation.asked_by` has `host`): asks operations, opens what the owner sealed for it alone. Used by
 * programs that run where the installation's own secrets can be read, and by nothing else.
 */
import { readFile } from 'node:fs/promises';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import type { Log } from '@sallyport/bus/log.ts';
import { HOST_USER } from '@sallyport/bus/permissions.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import type { BusAnswer } from '@sallyport/contracts/call.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { generateSealKey } from '@sallyport/seal/sealed.ts';
import { newId } from './ids.ts';
import { openFields } from './seal-fields.ts';

export interface Host {
  /** Throws ServiceUnavailable when the owner does not answer. */
  ask(operation: Operation, body?: unknown): Promise<BusAnswer>;
  close(): Promise<void>;
}

export interface HostOptions {
  nats_url: string;
  /** Password of the bus user `host`. */
  password_file: string;
  log: Log;
}

const TIMEOUT_MS = 10_000;

export async function connectHost({ nats_url, password_file, log }: HostOptions): Promise<Host> {
  const password = (await readFile(password_file, 'utf8')).trim();
  const bus: Bus = await connectBus({ url: nats_url, user: HOST_USER, password, name: 'host', log });
  const key = generateSealKey();
  return {
    ask: async (operation, body = {}) => {
      const call = {
        operation: operation.name,
        bearer: { kind: 'none' as const },
        params: {},
        query: {},
        body,
        request_id: newId('request', Date.now()),
        reply_key: { ...key.public_jwk },
      };
      const answer = await ask(bus, operation, call, { timeout_ms: TIMEOUT_MS });
      return openFields(operation, answer, key.private_jwk);
    },
    close: () => bus.close(),
  };
}
