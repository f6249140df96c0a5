/** An operator's key for keyed hashes (detectors.md §1.4), sealed to a gateway start. Bound to that start and operator. */
import { refuse } from '@sallyport/contracts/call.ts';
import { denial, notFound } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import { detectorKeyContext } from '@sallyport/contracts/objects/injection.ts';
import type { detectorKeyOpen } from '@sallyport/contracts/operations/services.ts';
import { sealTo } from '@sallyport/seal/sealed.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';

export function openDetectorKeyOperation({ bootKeys, secrets }: Deps): OperationHandler<typeof detectorKeyOpen> {
  return async ({ operation, body }) => {
    const { operator_id, boot_id } = body;
    if (!isId('operator', operator_id)) return refuse(notFound('Operator', operator_id));
    const bootKey = await bootKeys.of(boot_id);
    if (!bootKey) return refuse(denial('FORBIDDEN', 'This gateway start is not in the log.'));
    const sealed = await sealTo(bootKey, await secrets.detectorKey(operator_id), detectorKeyContext(boot_id, operator_id));
    return success(operation, { sealed });
  };
}
