/** `keys.*`: what `sallyport admin keys` asks (api.md §6.2, §22). */
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import { notFound } from '@sallyport/contracts/errors.ts';
import { KEYSET_PURPOSES, type KeysetPurpose } from '@sallyport/contracts/facts/keys.ts';
import { listKeys, revokeKey as revokeKeyOperation, rotateKeys, type SigningKey } from '@sallyport/contracts/operations/keys.ts';
import { iso, isoOrNull } from '@sallyport/contracts/time.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { Handlers } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { changesAt, KEYSET } from '../../domain/keyset.ts';
import { revokeKey } from '../../key-emergency.ts';
import { HOST, publishNext } from '../../key-rotation.ts';
import { NO_PROPAGATION, propagation } from '../../propagation.ts';

const NO_REASON = 'removed by the administrator';

export function registerKeys(made: Handlers, deps: Deps): Handlers {
  return made
    .on(listKeys, async ({ operation }) => success(operation, { keys: await allKeys(deps) }))
    .on(rotateKeys, async ({ operation, body }) => {
      for (const purpose of body.purpose ? [body.purpose] : KEYSET_PURPOSES)
        if (await hasKeys(deps, purpose)) await publishNext(deps, purpose, HOST);
      return success(operation, { keys: await allKeys(deps) });
    })
    .on(revokeKeyOperation, async ({ operation, body: { kid, reason } }) => {
      const purpose = await purposeOf(deps, kid);
      if (purpose === null) return refuse(notFound('Key', kid));
      const revoked = await revokeKey(deps, purpose, kid, reason || NO_REASON);
      if (!revoked.ok) return refuse(revoked.denial);
      const { already, active, operators, revoked_count } = revoked.value;
      const reached = already ? NO_PROPAGATION : await propagation(deps, revoked);
      return success(operation, { kid, already_revoked: already, active, operators, revoked_count, propagation: reached });
    });
}

async function hasKeys({ ledger }: Deps, purpose: KeysetPurpose): Promise<boolean> {
  return (await ledger.load(KEYSET, PLATFORM, purpose)).state.keys.length > 0;
}

async function purposeOf({ ledger }: Deps, kid: string): Promise<KeysetPurpose | null> {
  for (const purpose of KEYSET_PURPOSES) {
    const { state } = await ledger.load(KEYSET, PLATFORM, purpose);
    if (state.keys.some((key) => key.kid === kid)) return purpose;
  }
  return null;
}

async function allKeys({ ledger }: Deps): Promise<SigningKey[]> {
  const sets = await Promise.all(
    KEYSET_PURPOSES.map(async (purpose) => ({ purpose, state: (await ledger.load(KEYSET, PLATFORM, purpose)).state })),
  );
  return sets.flatMap(({ purpose, state }) =>
    state.keys.map((key) => ({
      purpose,
      kid: key.kid,
      state: key.stage,
      since: iso(key.since_ms),
      changes_at: isoOrNull(changesAt(state, key)),
    })),
  );
}
