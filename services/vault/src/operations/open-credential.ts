/**
 * The only way out of a credential: sealed to the key of one gateway start, for a passport that is verified and judged here (api.md §12.1). The
 * asking gateway is not believed: neither what the passport holds nor whether it lives.
 */
import { type BusAnswer, type BusCall, refuse } from '@sallyport/contracts/call.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import { credentialContext, type Injection } from '@sallyport/contracts/objects/injection.ts';
import type { credentialOpen } from '@sallyport/contracts/operations/services.ts';
import type { PassportClaims } from '@sallyport/passport-verify/claims.ts';
import { verifyPassport } from '@sallyport/passport-verify/passport.ts';
import { SealError } from '@sallyport/seal/seal-error.ts';
import { sealTo } from '@sallyport/seal/sealed.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { findService } from '../catalogue/catalogue.ts';
import type { Deps } from '../deps.ts';
import { refuseAccess } from '../domain/access.ts';
import { connectionKind } from '../domain/connection.ts';
import { injectionOf } from '../domain/credential.ts';

export function openCredentialOperation(deps: Deps, issuer: string): OperationHandler<typeof credentialOpen> {
  return async ({ call, operation, body }): Promise<BusAnswer> => {
    const { connection_id, boot_id } = body;
    const opened = await open(deps, issuer, call, body);
    const bootKey = 'code' in opened ? null : await deps.bootKeys.of(boot_id);
    const answer = 'code' in opened ? opened : bootKey === null ? denial('FORBIDDEN', 'This gateway start is not in the log.') : null;
    if (answer || 'code' in opened || bootKey === null) {
      const refusal = answer ?? unavailable();
      deps.signals.credentialAsked(connection_id, refusal.code);
      return refuse(refusal);
    }
    const plain = new TextEncoder().encode(JSON.stringify(opened));
    const sealed = await sealTo(bootKey, plain, credentialContext(boot_id, connection_id));
    plain.fill(0);
    deps.signals.credentialAsked(connection_id, 'opened');
    return success(operation, { credential_ref: opened.credential_ref, sealed });
  };
}

type Asked = { passport_token: string; connection_id: string; min_seq: number };

async function open(
  deps: Deps,
  issuer: string,
  call: BusCall,
  { passport_token, connection_id, min_seq }: Asked,
): Promise<Injection | Denial> {
  const claims = await verify(deps, issuer, call, passport_token);
  if ('code' in claims) return claims;
  const resolved = await deps.passports.resolve(claims.stk.operator_id, claims.jti, min_seq, call);
  if (!resolved) return denial('UNAUTHORIZED', 'The passport is not known.', { reason: 'bad_signature' });
  const refused = refuseAccess(resolved, claims, connection_id, deps.clock.now());
  return refused ?? injection(deps, claims.stk.operator_id, connection_id);
}

async function verify({ clock, passports }: Deps, issuer: string, call: BusCall, token: string): Promise<PassportClaims | Denial> {
  // The server-side expiry rules: a checkpoint moves it, and older tokens of the passport stay usable.
  const check = { issuer, now_seconds: Math.floor(clock.now() / 1000), accept_expired: true };
  const verdict = verifyPassport(token, { ...check, keys: await passports.keys(call) });
  return verdict.ok ? verdict.claims : denial('UNAUTHORIZED', 'The passport is not genuine.', { reason: verdict.reason });
}

/** A secret may be replaced between the two reads: then the connection names another one, and is read once more. */
async function injection({ ledger, secrets }: Deps, operatorId: string, connectionId: string): Promise<Injection | Denial> {
  for (let tries = 0; tries < 2; tries++) {
    const { state } = await ledger.load(connectionKind, operatorId, connectionId);
    if (state.status !== 'live' || (state.connection.status !== 'active' && state.connection.status !== 'error')) return unavailable();
    const { provider, credential_ref } = state.connection;
    const service = findService(provider);
    if (!service) return unavailable();
    const stored = await secrets.open(connectionId, credential_ref).catch((error: unknown) => {
      if (error instanceof SealError) return 'unreadable' as const;
      throw error;
    });
    if (stored === 'unreadable') return unavailable();
    if (stored) return injectionOf(service, stored, credential_ref) ?? unavailable();
  }
  return unavailable();
}

function unavailable(): Denial {
  return denial('CREDENTIAL_UNAVAILABLE', 'The connection has no usable credential.');
}
