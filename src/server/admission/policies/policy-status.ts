import type { ValidatingAdmissionPolicy } from '../../../api/admissionregistration/v1/types.generated.ts';
import { as } from '../../../api/resource.ts';
import type { Logger } from '../../../machinery/logger.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { isConflict, isNotFound } from '../../../machinery/status-error.ts';
import type { ObjectAccess, RowCatalog } from '../../contract.ts';
import { typeWarnings } from './type-checking.ts';

const policies = { group: 'admissionregistration.k8s.io', resource: 'validatingadmissionpolicies' };

export interface PolicyStatusOptions {
  readonly objects: ObjectAccess;
  readonly rows: RowCatalog;
  readonly logger: Logger;
}

/** Tells in a policy's status what its expressions get wrong about the kinds it names. Runs until the answer is called. */
export function startPolicyStatus({ objects, rows, logger }: PolicyStatusOptions): () => void {
  const observe = (object: UnknownObject): void => {
    if (isObserved(as<ValidatingAdmissionPolicy>(object))) return;
    write(objects, rows, object.metadata.name).catch((error: unknown) => {
      if (!isNotFound(error) && !isConflict(error)) logger.warn({ err: error }, 'Status of a policy was not written');
    });
  };
  const stop = objects.onChange(policies, ({ type, object }) => {
    if (type === 'put') observe(object);
  });
  for (const object of objects.list(policies)) observe(object);
  return stop;
}

function isObserved({ metadata, status }: ValidatingAdmissionPolicy): boolean {
  return metadata.deletionTimestamp !== undefined || status?.observedGeneration === metadata.generation;
}

async function write(objects: ObjectAccess, rows: RowCatalog, name: string): Promise<void> {
  await objects.modify(
    policies,
    '',
    name,
    (object) => {
      const policy = as<ValidatingAdmissionPolicy>(object);
      const { generation } = policy.metadata;
      if (generation === undefined || isObserved(policy)) return false;
      const expressionWarnings = typeWarnings(policy, rows);
      const typeChecking = expressionWarnings.length === 0 ? {} : { expressionWarnings };
      policy.status = { ...policy.status, observedGeneration: generation, typeChecking };
      return true;
    },
    'status',
  );
}
