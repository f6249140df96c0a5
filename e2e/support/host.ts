/** What only the machine's administrator can do: asks as the bus user `host`, and writes facts as a service, to give the log a past that a test cannot wait for. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { append } from '@sallyport/bus/append.ts';
import { getMessage, LEDGER } from '@sallyport/bus/api.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import type { BusAnswer } from '@sallyport/contracts/call.ts';
import type { DraftFact, Fact } from '@sallyport/contracts/fact.ts';
import { operations } from '@sallyport/contracts/operations.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Constellation } from '@sallyport/testing/constellation.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function busOf(platform: Pick<Constellation, 'dataDir' | 'natsUrl'>, user: string): Promise<Bus> {
  const password = (await readFile(join(platform.dataDir, 'secrets', 'nats', user), 'utf8')).trim();
  return connectBus({ url: platform.natsUrl, user, password, name: `test-${user}`, log: silent });
}

/** Connected once, when it is first asked for: hooks of one file do not wait for each other. */
export function lateBusOf(
  platform: () => Pick<Constellation, 'dataDir' | 'natsUrl'>,
  user: string,
): { get(): Promise<Bus>; close(): Promise<void> } {
  let bus: Promise<Bus> | undefined;
  return {
    get: () => (bus ??= busOf(platform(), user)),
    close: async () => (await bus)?.close(),
  };
}

export async function askAsHost(bus: Bus, name: string, body: object = {}): Promise<BusAnswer> {
  const operation = operations().find((one) => one.name === name);
  if (!operation) throw new Error(`no operation ${name}`);
  const call = {
    operation: name,
    bearer: { kind: 'none' as const },
    params: {},
    query: {},
    body,
    request_id: newId('request', Date.now()),
  };
  return ask(bus, operation, call, { timeout_ms: 10_000 });
}

/** Appends to an aggregate as if it had happened before. Returns the sequence. */
export async function writeFacts(bus: Bus, subject: string, operatorId: string, drafts: DraftFact[]): Promise<number> {
  const facts: Fact[] = drafts.map((draft) => ({
    ...draft,
    id: newId('event', Date.now()),
    at: Date.now(),
    operator_id: operatorId,
    actor: { type: 'system', id: 'test' },
  }));
  for (;;) {
    const expect = (await getMessage(bus, LEDGER, { last_by_subj: subject }))?.seq ?? 0;
    const written = await append(bus, [{ subject, facts, expect, id: newId('event', Date.now()) }]);
    if ('seq' in written) return written.seq;
  }
}
