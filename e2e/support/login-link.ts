/** A person's one-time link, as the administrator on the host prints it. */
import { loginLink as makeLoginLink } from '@sallyport/contracts/operations/sign-in.ts';
import { eventually } from '@sallyport/testing/time.ts';
import type { TestPlatform } from './platform.ts';

/** A member of this moment is found as soon as the read model has it. */
export async function loginLink(platform: TestPlatform, email: string): Promise<string> {
  return eventually(async () => {
    const [link] = (await platform.asHost(makeLoginLink, { email })).links;
    return link.login_url;
  });
}
