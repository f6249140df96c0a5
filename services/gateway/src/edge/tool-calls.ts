/** `tool_calls` of a checkpoint or checkout, reduced to counts before they go on (api.md §6): at most 256 pairs, the rest as `other`. Pure. */
const MAX_PAIRS = 256;
const MAX_NAME = 64;
const OTHER = 'other';

/** The body with `tool_call_counts` in place of `tool_calls`; whatever counts the caller sent itself are gone. */
export function reduceToolCalls(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { tool_calls: calls, tool_call_counts: _claimed, ...rest } = body;
  return Array.isArray(calls) ? { ...rest, tool_call_counts: countCalls(calls) } : rest;
}

/** `items` passed the contract's schema. */
function countCalls(items: readonly unknown[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) {
    const name = pairOf(item);
    const known = counts.has(name) || counts.size < MAX_PAIRS;
    const key = known ? name : OTHER;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

function pairOf(item: unknown): string {
  if (typeof item !== 'object' || item === null) return OTHER;
  const service = 'service' in item && typeof item.service === 'string' ? item.service : '';
  const method = 'method' in item && typeof item.method === 'string' ? item.method : '';
  return `${plain(service)} ${plain(method)}`;
}

// Free text of the agent's: only what a name can hold goes into the log.
function plain(text: string): string {
  return text.slice(0, MAX_NAME).replaceAll(/[^A-Za-z0-9_.:/-]/g, '_');
}
