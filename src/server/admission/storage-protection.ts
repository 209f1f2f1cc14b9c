import type { AdmissionPlugin } from '../request.ts';

const finalizers: Readonly<Record<string, string>> = {
  '/persistentvolumes': 'kubernetes.io/pv-protection',
  '/persistentvolumeclaims': 'kubernetes.io/pvc-protection',
  'storage.k8s.io/volumeattributesclasses': 'kubernetes.io/vac-protection',
};

/** What is in use stays: a finalizer that a controller takes away when nobody uses the object any more. */
export function storageObjectInUseProtection(): AdmissionPlugin {
  return {
    name: 'StorageObjectInUseProtection',
    handles: ({ operation, group, resource, subresource }) =>
      operation === 'CREATE' && subresource === '' && finalizers[`${group}/${resource}`] !== undefined,
    async admit({ group, resource, object }) {
      const finalizer = finalizers[`${group}/${resource}`];
      if (finalizer === undefined || object === undefined) return;
      const present = object.metadata.finalizers ?? [];
      if (!present.includes(finalizer)) object.metadata.finalizers = [...present, finalizer];
    },
  };
}
