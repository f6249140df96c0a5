/**
 * When a published fact type may still be called the same: it may gain optional fields, nothing else (architecture, "Facts"). Compares schemas as plain JSON,
 * without descriptions. Pure.
 */
type Json = unknown;

/** Where `now` breaks with `published`, as paths with a reason; empty when every old fact and every old reader still does. */
export function breaks(published: Json, now: Json, path: string = ''): string[] {
  if (isSchemaOfObject(published) && isSchemaOfObject(now)) return objectBreaks(published, now, path);
  if (Array.isArray(published) && Array.isArray(now) && published.length === now.length) {
    return published.flatMap((item, index) => breaks(item, now[index], `${path}[${index}]`));
  }
  if (isRecord(published) && isRecord(now)) {
    const members = [...new Set([...Object.keys(published), ...Object.keys(now)])].filter((member) => member !== 'description');
    return members.flatMap((member) => breaks(published[member], now[member], path ? `${path}.${member}` : member));
  }
  return published === now ? [] : [`${path}: changed`];
}

function objectBreaks(published: ObjectSchema, now: ObjectSchema, path: string): string[] {
  const { properties, required = [], ...rest } = published;
  const { properties: newProperties, required: newRequired = [], ...newRest } = now;
  const at = (name: string): string => (path ? `${path}.${name}` : name);
  const found = Object.entries(properties).flatMap(([name, schema]) =>
    name in newProperties ? breaks(schema, newProperties[name], at(name)) : [`${at(name)}: removed`],
  );
  const names = [...new Set([...required, ...newRequired])];
  for (const name of names) {
    if (!newRequired.includes(name) && name in newProperties) found.push(`${at(name)}: became optional`);
    if (!required.includes(name)) found.push(`${at(name)}: ${name in properties ? 'became required' : 'new and required'}`);
  }
  return [...found, ...breaks(rest, newRest, path)];
}

interface ObjectSchema {
  type: 'object';
  properties: Record<string, Json>;
  required?: string[];
}

function isSchemaOfObject(value: Json): value is ObjectSchema {
  return isRecord(value) && value['type'] === 'object' && isRecord(value['properties']);
}

function isRecord(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
