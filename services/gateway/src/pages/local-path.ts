/** Where a person goes after signing in: a path of this origin, never another place (open redirects). Hostile input. Pure. */

const LONGEST = 7_000;

/** The path with its query, or null for anything that a browser might take for another origin. */
export function localPath(text: string | null, publicUrl: string): `/${string}` | null {
  if (text === null || text.length > LONGEST) return null;
  // One slash, then none of what browsers read as a second one or skip over.
  if (!/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text)) return null;
  const base = new URL(publicUrl);
  const url = URL.parse(text, base);
  if (!url || url.origin !== base.origin || url.pathname.startsWith('//')) return null;
  return `/${url.pathname.slice(1)}${url.search}`;
}
