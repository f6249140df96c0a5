/** `/oauth/consent` (api.md §3.6): a client wants to act for the signed-in person. Both answers go to the address that it registered. */
import type { ResponseOf } from '@sallyport/contracts/operation.ts';
import { decideRequest, viewRequest } from '@sallyport/contracts/operations/oauth.ts';
import { html } from './html.ts';
import { facts, hidden, type Page } from './layout.ts';
import { refusalPage } from './refusals.ts';
import { scopeList } from './scope-words.ts';
import { askFor, sessionOf } from './session.ts';
import { shownText } from './shown-text.ts';
import type { Handler, PageAnswer, Visit } from './visit.ts';

const PATH = '/oauth/consent';
const MAX_REQUEST = 7_000;

export const showConsent: Handler = async (visit) => {
  const request = requestOf(visit);
  if (request === null) return { page: STALE };
  const back = `${PATH}?${new URLSearchParams({ request }).toString()}`;
  const who = sessionOf(visit, back);
  if ('answer' in who) return who.answer;
  const found = await askFor(visit, who.session, viewRequest, { request }, back, stale);
  return 'answer' in found ? found.answer : { page: consentPage(request, found.value) };
};

export const answerConsent: Handler = async (visit) => {
  const request = requestOf(visit);
  const decision = visit.given('decision');
  if (request === null || (decision !== 'approve' && decision !== 'deny')) return { page: STALE };
  const back = `${PATH}?${new URLSearchParams({ request }).toString()}`;
  const who = sessionOf(visit, back);
  if ('answer' in who) return who.answer;
  const made = await askFor(visit, who.session, decideRequest, { request, approve: decision === 'approve' }, back, stale);
  return 'answer' in made ? made.answer : { leave: made.value.redirect_to };
};

const STALE = refusalPage(400, 'This request is too old, or not complete', 'Start signing in again in the program that sent you here.');

function stale({ code }: { code: string }): PageAnswer | null {
  return code === 'INVALID_REQUEST' || code === 'CONFLICT' ? { page: STALE } : null;
}

function requestOf(visit: Visit): string | null {
  const request = visit.given('request');
  return request === null || request === '' || request.length > MAX_REQUEST ? null : request;
}

export function consentPage(request: string, view: ResponseOf<typeof viewRequest>): Page {
  const name = shownText(view.client_name, 64) || 'A program without a name';
  const url = new URL(view.redirect_uri);
  const isHere = url.protocol === 'http:';
  return {
    title: `Let ${name} act for you?`,
    content: html`<h1>Let “${name}” act for you?</h1>
<p>${
      view.built_in
        ? 'It is a part of Sallyport.'
        : 'The name is what the program calls itself. Allow it only if you have just started it and want it to work in your account.'
    }</p>
${facts([
  ['Your account', html`${view.email}<small>${shownText(view.operator_name, 100)}</small>`],
  ['Program', html`${name}<small class="code">${view.client_id}</small>`],
  [
    'Answer goes to',
    html`<span class="code">${url.host}</span><small>${isHere ? 'a program on this computer' : 'a site on the internet'}</small>`,
  ],
])}
<h2>It will be able to</h2>
${scopeList(view.scopes)}
<p class="soft small">Never more than your own role may do.</p>
<form method="post" action="${PATH}">
${hidden({ request })}
<div class="actions">
<button name="decision" value="approve">Allow</button>
<button class="second" name="decision" value="deny">Deny</button>
</div>
</form>`,
  };
}
