/** `GET /v1/.well-known/jwks.json` (api.md §6.2): every key whose signatures count, the signing one first. */
import type { jwks } from '@sallyport/contracts/operations/passports.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';

export function jwksOperation({ signer }: Deps): OperationHandler<typeof jwks> {
  return async ({ operation }) =>
    success(operation, {
      keys: [...(await signer.keys())].map(([kid, { kty, crv, x }]) => ({ kty, crv, x, kid, alg: 'EdDSA', use: 'sig' })),
    });
}
