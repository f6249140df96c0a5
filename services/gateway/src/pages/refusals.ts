/** Refusals as pages: what happened and what to do, in words for a person. Pure. */
import { type Denial, statusOf } from '@sallyport/contracts/errors.ts';
import { html } from './html.ts';
import type { Page } from './layout.ts';

export function refusalPage(status: number, title: string, ...paragraphs: readonly string[]): Page {
  return { title, status, content: html`<h1>${title}</h1><div role="alert">${paragraphs.map((text) => html`<p>${text}</p>`)}</div>` };
}

/** For refusals that a page does not know better words for. */
export function denialPage(denial: Denial): Page {
  const status = statusOf(denial);
  switch (denial.code) {
    case 'RATE_LIMITED':
      return refusalPage(status, 'Too many tries', `Wait ${waitOf(denial)}, then try again.`);
    case 'FORBIDDEN':
      return denial.metadata?.['reason'] === 'csrf'
        ? refusalPage(status, 'This form came from somewhere else', 'Nothing was changed. Open the page again and answer there.')
        : refusalPage(status, 'You may not do this', 'Your role does not allow it. Ask an owner or an administrator of your operator.');
    case 'NOT_FOUND':
      return refusalPage(status, 'Not found', 'There is no such thing in your account, or it is gone.');
    case 'CONFLICT':
      return refusalPage(status, 'This was answered already', 'Nothing was changed.');
    case 'INVALID_REQUEST':
      return refusalPage(status, 'This link is not complete', 'Start again in the program that sent you here.');
    default:
      return status >= 500
        ? refusalPage(status, 'This did not work', 'A part of the platform did not answer. Nothing is lost: try again in a moment.')
        : refusalPage(status, 'This did not work', denial.message);
  }
}

function waitOf({ retry_after: seconds = 60 }: Denial): string {
  return seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
