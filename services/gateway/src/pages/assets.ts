/** What pages are dressed with: one sheet and one mark, under names that change with their bytes, so that a browser may keep them for ever. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import type { KnownPaths } from '../http/not-found.ts';

interface Asset {
  path: string;
  type: string;
  bytes: Buffer;
}

function asset(file: string, type: string): Asset {
  const bytes = readFileSync(new URL(file, import.meta.url));
  const [name = '', ending = ''] = file.split('.');
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return { path: `/assets/${name}-${digest}.${ending}`, type, bytes };
}

const STYLE = asset('style.css', 'text/css; charset=utf-8');
const MARK = asset('mark.svg', 'image/svg+xml');

export const STYLE_PATH = STYLE.path;
export const MARK_PATH = MARK.path;

export function addAssets(app: FastifyInstance, paths: KnownPaths): void {
  for (const { path, type, bytes } of [STYLE, MARK]) {
    paths.add('GET', path);
    // The page that leaves (`send.ts`) is of no origin and wears them too.
    const headers = { 'cache-control': 'public, max-age=31536000, immutable', 'cross-origin-resource-policy': 'cross-origin' };
    app.get(path, (_request, reply) => reply.headers(headers).type(type).send(bytes));
  }
}
