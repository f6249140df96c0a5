/**
 * The first operator. Uses the one-time token that `passports` leaves in its secrets folder; answers the
 * operator's key, which is shown this once. Who calls keeps it.
 */
import { readFile } from 'node:fs/promises';

/** `login_url` is null where there is no console to sign in to */
export type Bootstrapped = { api_key: string; login_url: string | null };

function bootstrapped(value: unknown): Bootstrapped | undefined {
  if (typeof value !== 'object' || value === null || !('api_key' in value) || typeof value.api_key !== 'string') return undefined;
  return { api_key: value.api_key, login_url: 'login_url' in value && typeof value.login_url === 'string' ? value.login_url : null };
}

export async function bootstrap(baseUrl: string, tokenFile: string): Promise<Bootstrapped> {
  const token = (await readFile(tokenFile, 'utf8')).trim();
  const response = await fetch(`${baseUrl}/v1/bootstrap`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ bootstrap_token: token, operator_name: 'Local', owner_email: 'owner@example.com', owner_name: 'Owner' }),
    signal: AbortSignal.timeout(15_000),
  });
  const answer: unknown = await response.json();
  const made = response.status === 201 ? bootstrapped(answer) : undefined;
  if (!made) {
    const code = typeof answer === 'object' && answer !== null && 'error' in answer ? JSON.stringify(answer.error) : '';
    throw new Error(`the first operator could not be made: HTTP ${response.status} ${code}`);
  }
  return made;
}
