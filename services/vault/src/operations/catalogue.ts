/** The catalogue and its templates (api.md §12.1): the same for everybody. */
import type { listServices, listTemplates } from '@sallyport/contracts/operations/services.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { catalogueServices, findService, publicService, publicTemplate } from '../catalogue/catalogue.ts';

export const answerServices: OperationHandler<typeof listServices> = async ({ operation }) =>
  success(operation, catalogueServices().map(publicService));

export const answerTemplates: OperationHandler<typeof listTemplates> = async ({ operation, query }) => {
  const asked = query.service_id ?? null;
  const picked = asked === null ? catalogueServices() : [findService(asked)].filter((service) => service !== null);
  return success(operation, picked.map(publicTemplate));
};
