/**
 * `/login` (api.md §3.6): a link by mail, and the button that uses it. The link's own GET changes nothing, so that programs that look at links in mail do
 * not use it up. Where to go on is a path of this origin, kept in a cookie while the person looks into the mail.
 */
import { magicLink, me, verifyMagicLink } from '@sallyport/contracts/operations/sign-in.ts';
import { setSessionCookie } from '../http/session-cookie.ts';
import { forgetNext, keepNext, readNext } from './cookies.ts';
import { html } from './html.ts';
import { alert, hidden, type Page } from './layout.ts';
import { localPath } from './local-path.ts';
import { denialPage } from './refusals.ts';
import { tell } from './session.ts';
import type { Handler, Visit } from './visit.ts';

export const HOME = '/me';
const MAX_TOKEN = 256;

export const showLogin: Handler = async (visit) => {
  const wanted = localPath(visit.given('next'), visit.publicUrl);
  const kept = wanted === null ? {} : { cookies: [keepNext(wanted)] };
  const token = visit.given('token');
  if (token !== null && token.length <= MAX_TOKEN) return { page: linkPage(token), ...kept };
  if (visit.session !== null && (await tell(visit, visit.session, me, {})).ok) return { to: nextOf(visit) };
  return { page: addressPage(visit.given('ended') === null ? null : 'You are signed out.'), ...kept };
};

/** Takes the address; says the same for every address. */
export const askForLink: Handler = async (visit) => {
  const email = (visit.given('email') ?? '').trim();
  const told = await tell(visit, null, magicLink, { email });
  if (told.ok) return { to: '/login/sent' };
  if (told.denial.code !== 'INVALID_REQUEST') return { page: denialPage(told.denial) };
  return { page: addressPage(null, { email, problem: 'This is not a whole e-mail address. It looks like name@example.com.' }) };
};

export const linkSent: Handler = async () => ({
  page: {
    title: 'Look in your mail',
    content: html`<h1>Look in your mail</h1>
<p role="status">If the address belongs to a member, a link to sign in is on its way. It works once, for 15 minutes.</p>
<h2>No mail?</h2>
<p>Not every installation sends mail. Whoever looks after the host can make a link for you there:</p>
<p><code>sallyport admin login-link you@example.com</code></p>
<p class="soft small"><a href="/login">Another address</a></p>`,
  },
});

/** Uses the link. A session that the browser had is replaced: nobody goes on in one that somebody else began. */
export const signIn: Handler = async (visit) => {
  const token = visit.given('token');
  if (token === null || token === '' || token.length > MAX_TOKEN) return { page: usedLinkPage() };
  const told = await tell(visit, null, verifyMagicLink, { token });
  if (told.ok) return { to: nextOf(visit), cookies: [setSessionCookie(told.value.session_token), forgetNext()] };
  return { page: told.denial.code === 'UNAUTHORIZED' || told.denial.code === 'INVALID_REQUEST' ? usedLinkPage() : denialPage(told.denial) };
};

function nextOf(visit: Visit): `/${string}` {
  const { publicUrl } = visit;
  return localPath(visit.given('next'), publicUrl) ?? localPath(readNext(visit.cookies), publicUrl) ?? HOME;
}

export function addressPage(said: string | null, wrong?: { email: string; problem: string }): Page {
  return {
    title: wrong ? 'Sign in: check the address' : 'Sign in',
    ...(wrong && { status: 400 }),
    content: html`<h1>Sign in</h1>
${said !== null && html`<p role="status">${said}</p>`}
${wrong && alert(wrong.problem)}
<p>Enter the e-mail address of your account. You get a link; there is no password.</p>
<form method="post" action="/login/link">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="email" spellcheck="false" required maxlength="254" value="${wrong?.email ?? ''}"${wrong && html` aria-invalid="true"`}>
<div class="actions"><button>Send me a link</button></div>
</form>
<p class="soft small below">No mail on this installation? On the host, <code>sallyport admin login-link</code> prints a link.</p>`,
  };
}

export function linkPage(token: string): Page {
  return {
    title: 'Sign in',
    content: html`<h1>Sign in on this device?</h1>
<p>This link signs you in to Sallyport once. If somebody sent it to you and you did not ask for it, close this page.</p>
<form method="post" action="/login">
${hidden({ token })}
<div class="actions"><button>Sign in</button></div>
</form>`,
  };
}

export function usedLinkPage(): Page {
  return {
    title: 'This link does not work any more',
    status: 401,
    content: html`<h1>This link does not work any more</h1>
<p role="alert">A link works once, for 15 minutes. You are not signed in.</p>
<form method="get" action="/login"><div class="actions"><button>Get another link</button></div></form>`,
  };
}
