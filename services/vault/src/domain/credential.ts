/**
 * What is stored for a connection and what becomes of it on a call: from a template's fields to headers (api.md §12.1, §8.3). Pure.
 * Values end in header lines, so anything that could end a line or hide in one is refused when it is stored, not when it is sent.
 */
import type { FieldProblem } from '@sallyport/contracts/errors.ts';
import type { Injection } from '@sallyport/contracts/objects/injection.ts';
import type { CatalogueService, CredentialKind } from '../catalogue/catalogue.ts';

/** The plaintext of a record: the one thing in this service that is secret. */
export type StoredCredential = { kind: CredentialKind; fields: { readonly [name: string]: string } };

export type CredentialInput = string | { readonly [field: string]: string };

export type ReadCredential = { ok: true; credential: StoredCredential } | { ok: false; problems: FieldProblem[] };

const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** A credential as the template wants it; a string is the first required field. Problems name fields, never values. */
export function readCredential(service: CatalogueService, input: CredentialInput, kind: CredentialKind | null = null): ReadCredential {
  const first = service.fields.find((field) => field.required);
  const given = typeof input === 'string' ? { [first?.name ?? '']: input } : input;
  const problems: FieldProblem[] = [];
  for (const name of Object.keys(given)) {
    if (!service.fields.some((field) => field.name === name))
      problems.push({ path: `credential.${name.slice(0, 64)}`, rule: 'unknown_field' });
  }
  const fields: Record<string, string> = {};
  for (const { name, required } of service.fields) {
    const value = Object.hasOwn(given, name) ? (given[name] ?? '') : '';
    if (value === '') {
      if (required) problems.push({ path: `credential.${name}`, rule: 'required' });
    } else if (!HEADER_VALUE.test(value)) problems.push({ path: `credential.${name}`, rule: 'visible_ascii' });
    else fields[name] = value;
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, credential: { kind: kind ?? (service.inject.token ? 'token' : 'oauth2'), fields } };
}

/** What a gateway adds to a call, or null where the template cannot be filled. */
export function injectionOf(service: CatalogueService, credential: StoredCredential, credentialRef: string): Injection | null {
  const template = service.inject[credential.kind];
  if (!template) return null;
  const headers: Record<string, string> = {};
  for (const [name, text] of Object.entries(template)) {
    const value = fill(text, credential.fields);
    if (value !== null) headers[name.toLowerCase()] = value;
  }
  if (Object.keys(headers).length === 0) return null;
  const secretFields = service.fields.filter((field) => field.secret).map((field) => credential.fields[field.name] ?? '');
  return {
    credential_ref: credentialRef,
    inject: { headers, query: {} },
    drop_headers: Object.keys(template).map((name) => name.toLowerCase()),
    default_headers: Object.fromEntries(Object.entries(service.default_headers).map(([name, value]) => [name.toLowerCase(), value])),
    version_headers: service.version_headers.map((name) => name.toLowerCase()),
    secrets: secretFields.filter((value) => value !== ''),
  };
}

function fill(text: string, fields: StoredCredential['fields']): string | null {
  let complete = true;
  const filled = text.replaceAll(/\{([a-z_]+)\}/g, (_, name: string) => {
    const value = fields[name];
    if (value === undefined) complete = false;
    return value ?? '';
  });
  return complete ? filled : null;
}

export function encodeCredential(credential: StoredCredential): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(credential));
}

/** Throws for anything that `encodeCredential` did not make. */
export function decodeCredential(bytes: Uint8Array): StoredCredential {
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('fields' in value)) throw new Error('not a credential');
  const { kind, fields } = value;
  if ((kind !== 'token' && kind !== 'oauth2') || typeof fields !== 'object' || fields === null) throw new Error('not a credential');
  const entries = Object.entries(fields).map(([name, text]) => [name, String(text)] as const);
  return { kind, fields: Object.fromEntries(entries) };
}
