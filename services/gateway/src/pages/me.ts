/** `/me`: where a person lands who signed in without a place to go; and signing out. */
import type { ResponseOf } from '@sallyport/contracts/operation.ts';
import { logout, me } from '@sallyport/contracts/operations/sign-in.ts';
import { html } from './html.ts';
import { facts, type Page, time } from './layout.ts';
import { denialPage } from './refusals.ts';
import { askFor, sessionOf, tell } from './session.ts';
import type { Handler } from './visit.ts';

const PATH = '/me';

export const showMe: Handler = async (visit) => {
  const who = sessionOf(visit, PATH);
  if ('answer' in who) return who.answer;
  const told = await askFor(visit, who.session, me, {}, PATH);
  return 'answer' in told ? told.answer : { page: mePage(told.value) };
};

/** A session that has ended already is as good as signed out. */
export const signOut: Handler = async (visit) => {
  if (visit.session === null) return { to: '/login' };
  const told = await tell(visit, visit.session, logout, {});
  if (!told.ok && told.denial.code !== 'UNAUTHORIZED') return { page: denialPage(told.denial) };
  return { to: '/login?ended=1', signedOut: true };
};

export function mePage({ principal, operator_id, expires_at }: ResponseOf<typeof me>): Page {
  return {
    title: 'Signed in',
    content: html`<h1>You are signed in</h1>
<p>Programs that need your consent send you to a page here. You can close this one.</p>
${facts([
  ['Member', html`<span class="code">${principal.id}</span>`],
  ['Role', principal.role],
  ['Operator', html`<span class="code">${operator_id}</span>`],
  ['Until', expires_at === null ? null : time(expires_at)],
])}
<p><a href="/device">Enter the code of a device</a></p>
<form method="post" action="/logout"><div class="actions"><button class="second">Sign out</button></div></form>`,
  };
}
