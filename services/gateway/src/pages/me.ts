/** `/me`: where a person lands who signed in without a place to go; and signing out. */
import type { ResponseOf } from '@sallyport/contracts/operation.ts';
import { viewAccount } from '@sallyport/contracts/operations/account.ts';
import { logout, me } from '@sallyport/contracts/operations/sign-in.ts';
import { html } from './html.ts';
import { facts, type Page, time } from './layout.ts';
import { denialPage } from './refusals.ts';
import { askFor, sessionOf, tell } from './session.ts';
import { shownText } from './shown-text.ts';
import type { Handler } from './visit.ts';

const PATH = '/me';

export const showMe: Handler = async (visit) => {
  const who = sessionOf(visit, PATH);
  if ('answer' in who) return who.answer;
  const told = await askFor(visit, who.session, me, {}, PATH);
  if ('answer' in told) return told.answer;
  const account = await askFor(visit, who.session, viewAccount, {}, PATH);
  return 'answer' in account ? account.answer : { page: mePage(account.value, told.value.expires_at) };
};

/** A session that has ended already is as good as signed out. */
export const signOut: Handler = async (visit) => {
  if (visit.session === null) return { to: '/login' };
  const told = await tell(visit, visit.session, logout, {});
  if (!told.ok && told.denial.code !== 'UNAUTHORIZED') return { page: denialPage(told.denial) };
  return { to: '/login?ended=1', signedOut: true };
};

export function mePage({ name, email, role, operator_name }: ResponseOf<typeof viewAccount>, expires_at: string | null): Page {
  return {
    title: 'Signed in',
    content: html`<h1>You are signed in</h1>
<p>Programs that need your consent send you to a page here. You can close this one.</p>
${facts([
  ['Account', html`${shownText(name, 100)}<small>${email}</small>`],
  ['Operator', shownText(operator_name, 100)],
  ['Role', role],
  ['Until', expires_at === null ? null : time(expires_at)],
])}
<p><a href="/device">Enter the code of a device</a></p>
<form method="post" action="/logout"><div class="actions"><button class="second">Sign out</button></div></form>`,
  };
}
