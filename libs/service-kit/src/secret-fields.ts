/**
 * Secret fields on the bus, the owner's side: opens what the edge sealed to this service, and seals what only the edge may read
 * (`Operation.secret_in`, `secret_out`). Guarantees that such a field is handled in clear nowhere but in the two processes at the ends.
 */
import { type BusAnswer, type BusCall, isSealedField } from '@sallyport/contracts/call.ts';
import { type Denial, invalid } from '@sallyport/contracts/errors.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { generateSealKey, openSealed, type SealPrivateJwk, type SealPublicJwk, sealTo } from '@sallyport/seal/sealed.ts';
import { secretFile } from './secret-file.ts';

export interface SecretFields {
  public_jwk: SealPublicJwk;
  /** The body with its sealed fields opened. A field that came in clear, or that this key does not open, is refused. */
  open(operation: Operation, body: unknown): Promise<{ body: unknown } | { denial: Denial }>;
  seal(operation: Operation, call: BusCall, answer: BusAnswer): Promise<BusAnswer>;
}

/** What a sealed field is bound to: an answer to one question cannot be passed off as another. */
export function fieldContext(direction: 'in' | 'out', operation: Operation, field: string): string {
  return `field:${direction}:${operation.name}:${field}`;
}

/** The key pair lies in the service's secrets folder, mode 0600, made at first start and shared by processes that share the folder. */
export async function createSecretFields(secretsDir: string): Promise<SecretFields> {
  const file = await secretFile(secretsDir, 'bus-seal-key.json', () => JSON.stringify(generateSealKey().private_jwk));
  const { kty, crv, x, d }: SealPrivateJwk = JSON.parse(file);
  const key: SealPrivateJwk = { kty, crv, x, d };
  return {
    public_jwk: { kty, crv, x },
    async open(operation, body) {
      const opened = { ...objectOf(body) };
      for (const field of operation.secret_in ?? []) {
        const value = opened[field];
        if (value === undefined || value === null) continue;
        if (!isSealedField(value)) return { denial: invalid([{ path: field, rule: 'sealed' }]) };
        try {
          opened[field] = JSON.parse(Buffer.from(await openSealed(key, value.$sealed, fieldContext('in', operation, field))).toString());
        } catch {
          return { denial: invalid([{ path: field, rule: 'sealed_to_old_key' }]) };
        }
      }
      return { body: opened };
    },
    async seal(operation, call, answer) {
      if (!answer.ok) return answer;
      const body = objectOf(answer.reply.body);
      const given = (operation.secret_out ?? []).filter((field) => body[field] !== undefined && body[field] !== null);
      if (given.length === 0) return answer;
      for (const field of given) {
        const { kty: theirs, crv: curve, x: point } = call.reply_key ?? {};
        if (theirs !== 'OKP' || curve !== 'X25519' || point === undefined) throw new Error(`${operation.name} needs a reply key`);
        const plain = Buffer.from(JSON.stringify(body[field]));
        body[field] = { $sealed: await sealTo({ kty: theirs, crv: curve, x: point }, plain, fieldContext('out', operation, field)) };
      }
      return { ...answer, reply: { ...answer.reply, body } };
    },
  };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
