/** The frame around every page. Pure. */
import { MARK_PATH, STYLE_PATH } from './assets.ts';
import { html, type Html, textOf } from './html.ts';

export interface Page {
  title: string;
  content: Html;
  /** Default 200. */
  status?: number;
  /** Where the browser goes by itself at once: after an answer, with nothing of this origin (`leave.ts`), or to here again. */
  refresh?: string;
}

export interface Surroundings {
  /** Of PUBLIC_URL: whom the person is talking to. */
  host: string | null;
  request_id: string;
}

export function documentOf({ title, content, refresh, status = 200 }: Page, { host, request_id }: Surroundings): string {
  const text = textOf(html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${refresh !== undefined && html`<meta http-equiv="refresh" content="0;url=${refresh}">`}
<title>${title} · Sallyport</title>
<link rel="icon" type="image/svg+xml" href="${MARK_PATH}">
<link rel="stylesheet" href="${STYLE_PATH}">
</head>
<body>
<header><img src="${MARK_PATH}" alt="" width="26" height="26">Sallyport${host !== null && html`<span>${host}</span>`}</header>
<main>
${content}
</main>
<footer>${status >= 400 ? html`Request <code>${request_id}</code>` : 'Sallyport never asks for a password.'}</footer>
</body>
</html>
`);
  return `<!doctype html>\n${text}`;
}

/** Rows of a description list; a row without a value is left out. */
export function facts(rows: readonly (readonly [name: string, value: Html | string | null])[]): Html {
  const shown = rows.filter(([, value]) => value !== null);
  return html`<dl>${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Said aloud by a screen reader as soon as it is there. */
export function alert(content: Html | string): Html {
  return html`<div class="notice bad" role="alert"><p>${content}</p></div>`;
}

export function time(iso: string): Html {
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}

export function hidden(values: Readonly<Record<string, string>>): Html {
  return html`${Object.entries(values).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`;
}
