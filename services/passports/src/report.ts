/** What an agent reports at a checkpoint or checkout, as it comes to the owner: the edge has reduced `tool_calls` to counts (api.md §6). */
import type { BodyOf } from '@sallyport/contracts/operation.ts';
import type { checkpoint } from '@sallyport/contracts/operations/passports.ts';
import { cutSummary } from './domain/checkpoint.ts';

type Reported = Pick<BodyOf<typeof checkpoint>, 'tool_calls' | 'tool_call_counts' | 'delegated_to' | 'summary'>;

const MAX_PAIRS = 256;

export interface CommonReport {
  tool_calls: Record<string, number>;
  delegated_to: string[];
  summary: string;
}

export function commonReport(body: Reported): CommonReport {
  const counted = body.tool_call_counts ?? countsOf(body.tool_calls ?? []);
  return { tool_calls: counted, delegated_to: body.delegated_to ?? [], summary: cutSummary(body.summary) };
}

/** Per `<service> <method>`, at most 256 pairs, the rest as `other`. Targets are not kept. */
function countsOf(calls: readonly { service: string; method: string }[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { service, method } of calls) {
    const pair = `${service.slice(0, 64)} ${method.slice(0, 16)}`;
    const name = counts.has(pair) || counts.size < MAX_PAIRS ? pair : 'other';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}
