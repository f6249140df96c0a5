/** The callback of a client's own listener: `http://127.0.0.1:<port>/…` and nothing else (api.md §5.2). Hostile input. Pure. */

const FORM = /^http:\/\/127\.0\.0\.1:([1-9]\d{0,4})\/[\x21\x24-\x5b\x5d-\x7e]*$/;
const LONGEST = 2_048;

/** Null for any other host, scheme or form: a name, a number in another spelling, user information, a fragment. */
export function loopbackCallback(text: string | null): URL | null {
  if (text === null || text.length > LONGEST) return null;
  const port = Number(FORM.exec(text)?.[1] ?? 0);
  if (port < 1 || port > 65_535) return null;
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' || url.hostname !== '127.0.0.1' || url.username !== '' || url.password !== '' || url.hash !== '')
    return null;
  return url;
}

/** The callback with the answer in its query; an earlier value of the same name is replaced. */
export function withAnswer(callback: URL, answer: Readonly<Record<string, string>>): string {
  const url = new URL(callback);
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value);
  return url.href;
}
