/** Pages that only a signed-in person sees: without a session the way leads over `/login` and back here. */
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { Operation, ResponseOf } from '@sallyport/contracts/operation.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import { html } from './html.ts';
import type { Page } from './layout.ts';
import { denialPage } from './refusals.ts';
import type { PageAnswer, Told, Visit } from './visit.ts';

export function loginPath(next: string): `/${string}` {
  return `/login?next=${encodeURIComponent(next)}`;
}

/** The session, or where to send the visitor instead. `back`: the path to come back to. */
export function sessionOf(visit: Visit, back: string): { session: string } | { answer: PageAnswer } {
  const { session, fromElsewhere, url } = visit;
  if (session !== null) return { session };
  return { answer: fromElsewhere ? { page: onceMore(url) } : { to: loginPath(back) } };
}

/** Asked again from here, the browser brings its cookie along. */
function onceMore(url: string): Page {
  return {
    title: 'One moment',
    refresh: url,
    content: html`<h1>One moment</h1><p>You came from another site. <a href="${url}">Continue to Sallyport</a></p>`,
  };
}

/** Asks for the person; a session that has ended leads to `/login`, every other refusal to `otherwise`, by default a page that says so. */
export async function askFor<O extends Operation>(
  visit: Visit,
  session: string,
  operation: O,
  body: object,
  back: string,
  otherwise: (refused: Denial) => PageAnswer | null = () => null,
): Promise<{ value: ResponseOf<O> } | { answer: PageAnswer }> {
  const told = await tell(visit, session, operation, body);
  if (told.ok) return { value: told.value };
  if (told.denial.code === 'UNAUTHORIZED') return { answer: { to: loginPath(back), signedOut: true } };
  return { answer: otherwise(told.denial) ?? { page: denialPage(told.denial) } };
}

export async function tell<O extends Operation>(
  visit: Visit,
  session: string | null,
  operation: O,
  body: object,
  params = {},
): Promise<Told<O>> {
  const answer = await visit.ask(operation, body, session, params);
  if (!answer.ok) return answer;
  const { body: value } = answer.reply;
  if (operation.response && !matches(operation.response, value))
    return { ok: false, denial: denial('INTERNAL_ERROR', `${operation.name} answered in another shape.`) };
  // Checked against the operation's own schema: the parse boundary of an answer.
  return { ok: true, value: value as ResponseOf<O> };
}
