/** 404 and 405: a path that exists under another method says so in `Allow` (api.md §2). */
import { denial, notFound } from '@sallyport/contracts/errors.ts';
import type { FastifyInstance } from 'fastify';
import { sendDenial } from './errors.ts';

export interface KnownPaths {
  add(method: string, path: string): void;
  /** Methods that the path takes; empty for an unknown path. */
  allowed(path: string): string[];
}

export function createKnownPaths(): KnownPaths {
  const routes: { method: string; pattern: RegExp }[] = [];
  return {
    add: (method, path) => {
      const pattern = path.replaceAll(/[.*+?^$()|[\]\\{}]/g, '\\$&').replaceAll(/:[a-z_]+/g, '[^/]+');
      routes.push({ method, pattern: new RegExp(`^${pattern}$`) });
    },
    allowed: (path) => [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))],
  };
}

export function answerUnknownPaths(app: FastifyInstance, paths: KnownPaths): void {
  app.setNotFoundHandler((request, reply) => {
    const [path = '/'] = request.url.split('?', 1);
    const allowed = paths.allowed(path);
    if (allowed.length === 0) return sendDenial(request, reply, notFound('Path', path));
    reply.header('allow', allowed.join(', '));
    return sendDenial(request, reply, denial('METHOD_NOT_ALLOWED', `This path takes ${allowed.join(', ')}.`));
  });
}
