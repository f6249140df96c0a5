/** OAuth clients (api.md §3.6): public ones, registered by anybody, and our own. Pure. */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { oauthClientRegistered } from '@sallyport/contracts/facts/sign-in.ts';

export interface OAuthClient {
  client_id: string;
  client_name: string;
  redirect_uris: readonly string[];
  built_in: boolean;
}

export const OAUTH_CLIENT = {
  kind: 'oauth_client',
  initial: (): OAuthClient | null => null,
  evolve: evolveOAuthClient,
};

export function evolveOAuthClient(state: OAuthClient | null, fact: Fact): OAuthClient | null {
  const made = dataOf(oauthClientRegistered, fact);
  if (!made) return state;
  const { client_id, client_name, redirect_uris } = made;
  return { client_id, client_name, redirect_uris, built_in: false };
}

/** Loopback addresses for programs on the person's machine; the console lives at the platform's own address. */
export function builtInClient(clientId: string, publicUrl: string): OAuthClient | null {
  const own = { client_id: clientId, built_in: true };
  const loopback = ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback'];
  switch (clientId) {
    case 'sallyport-cli':
      return { ...own, client_name: 'Sallyport CLI', redirect_uris: loopback };
    case 'sallyport-mcp':
      return { ...own, client_name: 'Sallyport MCP', redirect_uris: loopback };
    case 'sallyport-console':
      return { ...own, client_name: 'Sallyport console', redirect_uris: [`${publicUrl}/console/callback`] };
    default:
      return null;
  }
}
