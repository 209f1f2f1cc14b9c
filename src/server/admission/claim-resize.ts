import type { PersistentVolumeClaim } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { StorageClass } from '../../api/storage/v1/types.generated.ts';
import { compareQuantity, isQuantity, parseQuantity } from '../../machinery/quantity.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionPlugin } from '../request.ts';
import { refuse } from './refusals.ts';

const storageClasses = { group: 'storage.k8s.io', resource: 'storageclasses' };
const refusal =
  'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';

/** A bound claim grows only where its class says that volumes can. */
export function persistentVolumeClaimResize(objects: ObjectAccess): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    handles: ({ operation, group, resource, subresource }) =>
      operation === 'UPDATE' && group === '' && resource === 'persistentvolumeclaims' && subresource === '',
    async validate(attributes) {
      const { object, oldObject } = attributes;
      if (object === undefined || oldObject === undefined) return;
      const old = as<PersistentVolumeClaim>(oldObject);
      const [before, after] = [storageOf(old), storageOf(as<PersistentVolumeClaim>(object))];
      if (!isQuantity(before) || !isQuantity(after)) return;
      if (compareQuantity(parseQuantity(after), parseQuantity(before)) <= 0 || old.status?.phase !== 'Bound') return;
      const found = objects.get(storageClasses, '', old.spec?.storageClassName ?? '');
      if (found === undefined || as<StorageClass>(found).allowVolumeExpansion !== true)
        throw refuse(attributes, refusal);
    },
  };
}

function storageOf({ spec }: PersistentVolumeClaim): unknown {
  return spec?.resources?.requests?.['storage'];
}
