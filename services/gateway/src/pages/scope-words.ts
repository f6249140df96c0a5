/** What each scope lets a program do, for the person who is asked (api.md §3.6). Pure. */
import type { Scope } from '@sallyport/contracts/scopes.ts';
import { html, type Html } from './html.ts';

const WORDS: Record<Scope, string> = {
  'agents:read': 'See your agents, their settings and their access',
  'agents:write': 'Register, change and enrol agents, and decide what they may reach',
  'passports:read': 'See passports, missions and reviews',
  'passports:write': 'Issue and revoke passports, open and end missions',
  'services:read': 'See your connections to services',
  'services:connect': 'Connect services and give agents access to them',
  'credentials:read': 'Read the credentials of services, where your operator allows it',
  'proxy:read': 'Read from services through the proxy, and see intents and usage',
  'proxy:write': 'Change things in services through the proxy, and submit intents',
  'audit:read': 'Read the audit log, security events and the event stream',
  'approvals:decide': 'Decide on approvals in your name',
  mcp: 'Act as a tool server for assistants (MCP)',
  api: 'Do everything that your role may do, but decide on approvals',
};

/** Deserves a second look. */
const GRAVE: ReadonlySet<string> = new Set(['credentials:read', 'proxy:write', 'approvals:decide', 'api']);

export function scopeList(scopes: readonly string[]): Html {
  const words = new Map<string, string>(Object.entries(WORDS));
  const item = (scope: string): Html => {
    const text = words.get(scope) ?? scope;
    return html`<li>${GRAVE.has(scope) ? html`<strong>${text}</strong>` : text} <small class="code soft">${scope}</small></li>`;
  };
  return scopes.length === 0 ? html`<p>See who you are, and nothing else.</p>` : html`<ul>${scopes.map(item)}</ul>`;
}
