/** Asks an operation's owner for the edge. Secret fields are sealed on the way there and opened on the way back; the rest passes as it is. */
import type { Bus } from '@sallyport/bus/connect.ts';
import { ask } from '@sallyport/bus/rpc.ts';
import type { BusAnswer, BusCall } from '@sallyport/contracts/call.ts';
import type { Operation, ServiceName } from '@sallyport/contracts/operation.ts';
import { passportsSealKey, vaultSealKey } from '@sallyport/contracts/operations/operator.ts';
import { generateSealKey, type SealPublicJwk } from '@sallyport/seal/sealed.ts';
import { openFields, sealedToOldKey, sealFields } from '@sallyport/service-kit/seal-fields.ts';

export type AskOwner = (operation: Operation, call: BusCall) => Promise<BusAnswer>;

const ANSWER_MS = 10_000;
const KEY_MS = 2_000;
const SEAL_KEYS: Partial<Record<ServiceName, Operation>> = { passports: passportsSealKey, vault: vaultSealKey };

export function createAskOwner(bus: Bus): AskOwner {
  const mine = generateSealKey();
  const theirs = new Map<ServiceName, SealPublicJwk>();

  async function keyOf(owner: ServiceName, requestId: string): Promise<SealPublicJwk> {
    const known = theirs.get(owner);
    if (known) return known;
    const operation = SEAL_KEYS[owner];
    if (!operation) throw new Error(`${owner} takes no secret fields`);
    const question: BusCall = {
      operation: operation.name,
      bearer: { kind: 'none' },
      params: {},
      query: {},
      body: undefined,
      request_id: requestId,
    };
    const answer = await ask(bus, operation, question, { timeout_ms: KEY_MS });
    const key = answer.ok ? keyIn(answer.reply.body) : null;
    if (!key) throw new Error(`${owner} told no key`);
    theirs.set(owner, key);
    return key;
  }

  async function sealed(operation: Operation, call: BusCall): Promise<BusAnswer> {
    const body = operation.secret_in ? await sealFields(operation, call.body, await keyOf(operation.owner, call.request_id)) : call.body;
    return ask(bus, operation, { ...call, body, reply_key: { ...mine.public_jwk } }, { timeout_ms: ANSWER_MS });
  }

  return async (operation, call) => {
    if (!operation.secret_in && !operation.secret_out) return ask(bus, operation, call, { timeout_ms: ANSWER_MS });
    let answer = await sealed(operation, call);
    if (sealedToOldKey(answer)) {
      theirs.delete(operation.owner);
      answer = await sealed(operation, call);
    }
    return openFields(operation, answer, mine.private_jwk);
  };
}

function keyIn(body: unknown): SealPublicJwk | null {
  const key: unknown = typeof body === 'object' && body !== null && 'key' in body ? body.key : null;
  if (typeof key !== 'object' || key === null || !('x' in key) || typeof key.x !== 'string') return null;
  return { kty: 'OKP', crv: 'X25519', x: key.x };
}
