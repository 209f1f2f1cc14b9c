import type { Namespace } from '../../api/core/v1/types.generated.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { ResourceHooks } from './resource-hooks.ts';

/** A namespace stays until the namespace controller has emptied it and taken `kubernetes` out of `spec.finalizers`. */
export const namespaceHooks: ResourceHooks = {
  beginDeletion(object) {
    const namespace = asNamespace(object);
    namespace.status = { ...namespace.status, phase: 'Terminating' };
  },
  holdsDeletion: (object) => (asNamespace(object).spec?.finalizers ?? []).length > 0,
};

function asNamespace(object: UnknownObject): Namespace {
  return object as unknown as Namespace;
}
