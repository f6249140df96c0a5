/**
 * Records the fact types as published: `node libs/contracts/scripts/record-facts.ts`. Adds new types and new optional fields to `test/frozen-facts.json`, and
 * refuses everything else: a published type never changes, a new one with an upcaster takes its place.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { breaks } from '../test/breaks.ts';
import { factSchemas, FROZEN_FILE, type FactSchemas } from '../test/fact-schemas.ts';

const recorded: FactSchemas = JSON.parse(readFileSync(FROZEN_FILE, 'utf8'));
const now = factSchemas();
const problems = Object.entries(recorded).flatMap(([type, schema]) => (now[type] ? breaks(schema, now[type], type) : [`${type}: removed`]));
if (problems.length > 0) {
  console.error(`Published facts may not change:\n${problems.join('\n')}`);
  process.exitCode = 1;
} else {
  writeFileSync(FROZEN_FILE, `${JSON.stringify(now, null, 1)}\n`);
  console.log(`${Object.keys(now).length} fact types recorded`);
}
