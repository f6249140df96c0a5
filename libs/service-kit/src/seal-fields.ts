/** Secret fields on the bus, the asker's side (`secret-fields.ts` is the owner's): seals them for the owner, opens them in its answer. */
import { type BusAnswer, isSealedField } from '@sallyport/contracts/call.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { openSealed, type SealPrivateJwk, type SealPublicJwk, sealTo } from '@sallyport/seal/sealed.ts';
import { fieldContext } from './secret-fields.ts';

/** The body with each `secret_in` field that it has sealed to the owner's key. */
export async function sealFields(operation: Operation, body: unknown, ownerKey: SealPublicJwk): Promise<unknown> {
  if (typeof body !== 'object' || body === null) return body;
  const sealed: Record<string, unknown> = { ...body };
  for (const field of operation.secret_in ?? []) {
    if (sealed[field] === undefined || sealed[field] === null) continue;
    const plain = Buffer.from(JSON.stringify(sealed[field]));
    sealed[field] = { $sealed: await sealTo(ownerKey, plain, fieldContext('in', operation, field)) };
  }
  return sealed;
}

/** The answer with each `secret_out` field opened. Throws SealError for one that was sealed to somebody else. */
export async function openFields(operation: Operation, answer: BusAnswer, key: SealPrivateJwk): Promise<BusAnswer> {
  const body = answer.ok ? answer.reply.body : null;
  if (!answer.ok || !operation.secret_out || typeof body !== 'object' || body === null) return answer;
  const opened: Record<string, unknown> = { ...body };
  for (const field of operation.secret_out) {
    const value = opened[field];
    if (!isSealedField(value)) continue;
    opened[field] = JSON.parse(Buffer.from(await openSealed(key, value.$sealed, fieldContext('out', operation, field))).toString());
  }
  return { ...answer, reply: { ...answer.reply, body: opened } };
}

/** The owner was started with another key than the one that was asked for earlier. */
export function sealedToOldKey(answer: BusAnswer): boolean {
  if (answer.ok || answer.denial.code !== 'INVALID_REQUEST') return false;
  const fields = answer.denial.metadata?.['fields'];
  return (
    Array.isArray(fields) &&
    fields.some((field: unknown) => typeof field === 'object' && field !== null && 'rule' in field && field.rule === 'sealed_to_old_key')
  );
}
