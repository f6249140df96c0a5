/** The registered fact types as plain JSON, by `type@version`, sorted. */
import { fileURLToPath } from 'node:url';
import { factTypes } from '../src/facts.ts';

export type FactSchemas = Record<string, unknown>;

export const FROZEN_FILE = fileURLToPath(new URL('frozen-facts.json', import.meta.url));

export function factSchemas(): FactSchemas {
  const types = factTypes().map(({ type, v, data }) => [`${type}@${v}`, JSON.parse(JSON.stringify(data))] as const);
  return Object.fromEntries(types.sort(([a], [b]) => (a < b ? -1 : 1)));
}
