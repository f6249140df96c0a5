/** The catalogue and its templates (api.md §12.1): the same for everybody, in pages if asked for (§1.3). */
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import type { listServices, listTemplates } from '@sallyport/contracts/operations/services.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { cut, pageHeaders, pageOf, WHOLE } from '@sallyport/service-kit/paging.ts';
import { catalogueServices, findService, publicService, publicTemplate } from '../catalogue/catalogue.ts';
import type { Deps } from '../deps.ts';

export function servicesOperation({ clock }: Pick<Deps, 'clock'>): OperationHandler<typeof listServices> {
  return async ({ operation, query }) => inPages(operation, '/v1/services', query, catalogueServices().map(publicService), clock.now());
}

export function templatesOperation({ clock }: Pick<Deps, 'clock'>): OperationHandler<typeof listTemplates> {
  return async ({ operation, query }) => {
    const asked = query.service_id ?? null;
    const picked = asked === null ? catalogueServices() : [findService(asked)].filter((service) => service !== null);
    return inPages(operation, '/v1/services/templates', query, picked.map(publicTemplate), clock.now());
  };
}

type PageQuery = { limit?: number | null; cursor?: string | null };

/** The catalogue has an order of its own: a page begins behind the entry that its cursor names. */
function inPages<T extends { id: string }>(
  operation: Operation,
  path: string,
  query: PageQuery,
  all: readonly T[],
  nowMs: number,
): BusAnswer {
  const paged = pageOf(query, WHOLE, nowMs);
  if (!paged.ok) return refuse(paged.denial);
  const { before, limit } = paged.page;
  const start = before === null ? 0 : all.findIndex(({ id }) => id === before) + 1;
  const page = cut(all.slice(start, start + limit + 1), limit, ({ id }) => id, nowMs);
  return success(operation, page.rows, pageHeaders(path, { ...query }, page.next));
}
