import { createPrivateKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { type Ed25519Jwk, thumbprint } from '../src/keys.ts';

/** The key pair of a 32-byte seed, by the fixed PKCS#8 frame of RFC 8410. */
export function keyPair(seedHex: string): { readonly privateKey: KeyObject; readonly jwk: Ed25519Jwk } {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seedHex, 'hex')]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x } = privateKey.export({ format: 'jwk' });
  if (x === undefined) throw new Error('no public part');
  return { privateKey, jwk: { kty: 'OKP', crv: 'Ed25519', x } };
}

function seed(from: number): string {
  return Buffer.from(Array.from({ length: 32 }, (_, index) => from + index)).toString('hex');
}

export const AGENT = keyPair(seed(0));
export const AUDIT = keyPair(seed(0x20));
export const ISSUER = keyPair(seed(0x40));
export const ISSUER_KID = thumbprint(ISSUER.jwk);

export const PASSPORT_CLAIMS = {
  iss: 'http://127.0.0.1:8787',
  aud: 'stack:passport',
  sub: 'agt_01kt16jnjge4ma4jz41b93y214',
  jti: 'ppt_01kt16jphre60tak362xesvjfr',
  iat: 1780304403,
  nbf: 1780304403,
  exp: 1780304703,
  cnf: { jkt: '1IG2tMH7J2wbJZnOf8LJzQitKf7LMvoAElsuDMVM54Y' },
  stk: {
    operator_id: 'op_01kt16jkm0emq8k9w39qsaekf4',
    agent_id: 'agt_01kt16jnjge4ma4jz41b93y214',
    agent_name: 'autogen-assistant',
    services: [
      {
        connection_id: 'scon_01kt16jrg8edqrb018tr4sjm6r',
        service_id: 'scon_01kt16jrg8edqrb018tr4sjm6r',
        service_name: 'github',
        scopes: ['repo'],
        credential_ref: 'cred_01kt16jsfgevr88y42wdngtn4v',
        constraints: [{ path: 'url.pathname', op: 'starts_with', value: '/repos/acme/sandbox/' }],
        any_of: [],
        resources: ['acme/sandbox'],
      },
    ],
    identity_claims: [],
    delegation_depth: 0,
    mission_ids: ['ms_01kt16jphrfacb42v78k230hbe'],
    session_id: 'ses_01kt16jqh0e3pt0yekqqme4qcm',
    accountability: 'enforced',
    intent_summary: 'Triage open issues in acme/sandbox',
    intent_services: ['github'],
    checkpoint_interval: 300,
  },
};

export const AGENT_CLAIMS = {
  iss: 'stack-sdk',
  sub: 'agt_01kt16jnjge4ma4jz41b93y214',
  aud: 'stack:agent',
  iat: 1780304400,
  nbf: 1780304400,
  exp: 1780304460,
  jti: 'aj_1780304400_0102030405',
};

export async function sign(key: KeyObject, header: Record<string, unknown>, claims: object): Promise<string> {
  return new SignJWT({ ...claims }).setProtectedHeader({ alg: 'EdDSA', ...header }).sign(key);
}
