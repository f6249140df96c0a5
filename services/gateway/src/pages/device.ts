/**
 * `/device` (api.md §3.6; RFC 8628 §5.4): a device without a browser wants to act for the signed-in person. The danger is a stranger's code in a link: so a
 * code from a link is shown, never sent by itself, and a person says in words that it stands on the own device.
 */
import type { ResponseOf } from '@sallyport/contracts/operation.ts';
import { decideDevice, viewDevice } from '@sallyport/contracts/operations/oauth.ts';
import { html } from './html.ts';
import { alert, facts, hidden, type Page, time } from './layout.ts';
import { scopeList } from './scope-words.ts';
import { askFor, sessionOf } from './session.ts';
import { shownText } from './shown-text.ts';
import type { Handler, PageAnswer } from './visit.ts';

const PATH = '/device';
const MAX_CODE = 32;

export const showDevice: Handler = async (visit) => {
  const code = visit.given('user_code');
  const back = code === null ? PATH : `${PATH}?${new URLSearchParams({ user_code: code.slice(0, MAX_CODE) }).toString()}`;
  const who = sessionOf(visit, back);
  if ('answer' in who) return who.answer;
  if (code === null) return { page: codePage() };
  const found = await askFor(visit, who.session, viewDevice, { user_code: code.slice(0, MAX_CODE) || '-' }, back, unknownCode);
  return 'answer' in found ? found.answer : { page: devicePage(found.value) };
};

export const answerDevice: Handler = async (visit) => {
  const user_code = visit.given('user_code');
  const decision = visit.given('decision');
  const who = sessionOf(visit, PATH);
  if ('answer' in who) return who.answer;
  if (user_code === null || user_code === '' || user_code.length > MAX_CODE || (decision !== 'approve' && decision !== 'deny')) {
    return { page: codePage(WRONG_CODE) };
  }
  const approve = decision === 'approve';
  if (approve && visit.given('same_code') !== 'yes') {
    const found = await askFor(visit, who.session, viewDevice, { user_code }, PATH, unknownCode);
    return 'answer' in found ? found.answer : { page: devicePage(found.value, 'Say first that the code on your device is this one.') };
  }
  const made = await askFor(visit, who.session, decideDevice, { user_code, approve }, PATH, unknownCode);
  return 'answer' in made ? made.answer : { page: donePage(approve) };
};

const WRONG_CODE = 'There is no device waiting with this code. Look at the device again; a code lives ten minutes.';

function unknownCode({ code }: { code: string }): PageAnswer | null {
  return code === 'NOT_FOUND' || code === 'INVALID_REQUEST' ? { page: codePage(WRONG_CODE) } : null;
}

export function codePage(problem?: string): Page {
  return {
    title: problem === undefined ? 'Sign in a device' : 'Sign in a device: check the code',
    ...(problem !== undefined && { status: 400 }),
    content: html`<h1>Sign in a device</h1>
${problem !== undefined && alert(problem)}
<p>Enter the code that your device or terminal shows.</p>
<form method="get" action="${PATH}">
<label for="user_code">Code</label>
<input class="user-code" id="user_code" name="user_code" type="text" autocomplete="off" autocapitalize="characters" spellcheck="false" required minlength="8" maxlength="16"${problem !== undefined && html` aria-invalid="true"`}>
<div class="actions"><button>Continue</button></div>
</form>`,
  };
}

export function devicePage(view: ResponseOf<typeof viewDevice>, problem?: string): Page {
  const name = shownText(view.client_name, 64) || 'A program without a name';
  return {
    title: 'Let this device act for you?',
    ...(problem !== undefined && { status: 400 }),
    content: html`<h1>Let this device act for you?</h1>
${problem !== undefined && alert(problem)}
<p>Look at your device or terminal: it must show exactly this code.</p>
<p class="user-code-shown">${view.user_code}</p>
<div class="notice"><p><strong>Did somebody send you here?</strong> Then deny. Whoever holds this code would act in your name.</p></div>
${facts([
  ['Your account', html`${view.email}<small>${shownText(view.operator_name, 100)}</small>`],
  ['Program', html`${name}<small class="code">${view.client_id}</small>`],
  ['Asked from', html`<span class="code">${view.address}</span><small>${time(view.asked_at)}</small>`],
])}
<h2>It will be able to</h2>
${scopeList(view.scopes)}
<form method="post" action="${PATH}">
${hidden({ user_code: view.user_code })}
<label class="check"><input type="checkbox" name="same_code" value="yes"><span>My own device shows the code <span class="code">${view.user_code}</span> right now.</span></label>
<div class="actions">
<button name="decision" value="approve">Allow</button>
<button class="second" name="decision" value="deny">Deny</button>
</div>
</form>`,
  };
}

export function donePage(approved: boolean): Page {
  return approved
    ? {
        title: 'Device signed in',
        content: html`<h1>Device signed in</h1><p role="status">Go back to your device; it goes on within a few seconds.</p>`,
      }
    : {
        title: 'Device refused',
        content: html`<h1>Device refused</h1><p role="status">The device got nothing. You can close this page.</p>`,
      };
}
