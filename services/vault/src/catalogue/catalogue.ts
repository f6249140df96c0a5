/**
 * The built-in services (api.md §12.1), from the data file beside this one. Owns what of a service is public, and finds services by
 * slug or id. Pure. Custom services are connected elsewhere, with templates of their own.
 */
import type { Service, ServiceTemplate } from '@sallyport/contracts/objects/connection.ts';
import catalogue from './catalogue.json' with { type: 'json' };

export type CredentialKind = 'token' | 'oauth2';

export type TemplateField = { name: string; secret: boolean; required: boolean; hint: string };

export type CatalogueService = {
  provider: string;
  name: string;
  description: string;
  auth: readonly string[];
  hosts: readonly string[];
  base_url: string;
  default_scopes: readonly string[];
  fields: readonly TemplateField[];
  /** Header → text with `{field}`; a header whose field is not set is not sent, and never taken from the caller either. */
  inject: { readonly [kind in CredentialKind]?: { readonly [header: string]: string } };
  /** Headers of the caller that also pass with an approved call (api.md §8.3). */
  version_headers: readonly string[];
  default_headers: { readonly [header: string]: string };
};

// One type for all entries: the file's own has each entry's optional headers as members of a union.
const services: readonly CatalogueService[] = catalogue.map((entry) => ({
  ...entry,
  default_headers: strings(entry.default_headers),
  inject: injections(entry.inject),
}));

function strings(record: { readonly [name: string]: string | undefined }): { readonly [name: string]: string } {
  return Object.fromEntries(Object.entries(record).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])));
}

function injections(entry: { readonly token?: object; readonly oauth2?: object }): CatalogueService['inject'] {
  return {
    ...(entry.token !== undefined && { token: strings({ ...entry.token }) }),
    ...(entry.oauth2 !== undefined && { oauth2: strings({ ...entry.oauth2 }) }),
  };
}

export function catalogueServices(): readonly CatalogueService[] {
  return services;
}

/** By slug (`github`) or id (`svc_github`); null for any other text. */
export function findService(text: string): CatalogueService | null {
  const slug = text.startsWith('svc_') ? text.slice(4) : text;
  return services.find((service) => service.provider === slug) ?? null;
}

export function serviceId(service: { provider: string }): string {
  return `svc_${service.provider}`;
}

/** `oauth_configured` is false throughout: no OAuth application can be set yet. A token got elsewhere connects all of them. */
export function publicService(service: CatalogueService): Service {
  const { provider, name, description, auth, hosts } = service;
  return {
    id: serviceId(service),
    provider,
    name,
    description,
    available: true,
    auth: [...auth],
    oauth_configured: false,
    hosts: [...hosts],
  };
}

export function publicTemplate(service: CatalogueService): ServiceTemplate {
  const { provider, name, fields } = service;
  return { id: serviceId(service), provider, name, fields: fields.map((field) => ({ ...field })) };
}
