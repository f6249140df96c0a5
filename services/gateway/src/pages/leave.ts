/** The last page of an answer: the browser goes on to the client's own address, by itself or by the link. Sent with `leaves` (`send.ts`). Pure. */
import { html } from './html.ts';
import type { Page } from './layout.ts';

export function leavePage(url: string): Page {
  const { host, protocol } = new URL(url);
  // Only registered addresses and callbacks come here; a scheme that runs something would be a defect.
  if (protocol !== 'https:' && protocol !== 'http:') throw new Error('a client is reached by http');
  return {
    title: 'Back to your program',
    refresh: url,
    content: html`<h1>Back to your program</h1><p role="status">Your answer goes to <span class="code">${host}</span>.</p><p><a href="${url}">Continue</a> if nothing happens.</p>`,
  };
}
