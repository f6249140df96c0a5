/** `/invite/<member>` (api.md §17): where the link of an invitation leads. Its GET changes nothing; the key of the new member is shown once, here. */
import type { ResponseOf } from '@sallyport/contracts/operation.ts';
import { acceptInvitation } from '@sallyport/contracts/operations/team.ts';
import { html } from './html.ts';
import { facts, hidden, type Page } from './layout.ts';
import { denialPage, refusalPage } from './refusals.ts';
import { tell } from './session.ts';
import { shownText } from './shown-text.ts';
import type { Handler } from './visit.ts';

const MAX_TOKEN = 256;

export const showInvitation: Handler = async ({ params, given }) => {
  const token = given('token');
  return { page: token === null || token.length > MAX_TOKEN ? OVER : invitationPage(params['id'] ?? '', token) };
};

export const acceptInvite: Handler = async (visit) => {
  const token = visit.given('token');
  if (token === null || token.length > MAX_TOKEN) return { page: OVER };
  const told = await tell(visit, null, acceptInvitation, { token }, { id: visit.params['id'] ?? '' });
  if (told.ok) return { page: welcomePage(told.value) };
  const isOver = ['UNAUTHORIZED', 'NOT_FOUND', 'CONFLICT', 'INVALID_REQUEST'].includes(told.denial.code);
  return { page: isOver ? OVER : denialPage(told.denial) };
};

const OVER = refusalPage(
  401,
  'This invitation does not work any more',
  'An invitation works once, for seven days. Whoever invited you can send another. If you have accepted it before, sign in.',
);

export function invitationPage(id: string, token: string): Page {
  return {
    title: 'Join',
    content: html`<h1>Join this Sallyport?</h1>
<p>Somebody invited you to work with their agents here. Accept only if you know who it was.</p>
<form method="post" action="/invite/${encodeURIComponent(id)}">
${hidden({ token })}
<div class="actions"><button>Accept</button></div>
</form>`,
  };
}

export function welcomePage({ member, api_key }: ResponseOf<typeof acceptInvitation>): Page {
  return {
    title: 'Welcome',
    content: html`<h1>Welcome, ${shownText(member.name, 100)}</h1>
<p role="status">You are a member now. This is your key for programs, shown this once: keep it like a password, or leave it. You sign in without it.</p>
<p class="key code">${api_key}</p>
${facts([
  ['Account', member.email],
  ['Role', member.role],
])}
<form method="get" action="/login"><div class="actions"><button>Sign in</button></div></form>`,
  };
}
