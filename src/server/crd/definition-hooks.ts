import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { ResourceHooks } from '../registry/resource-hooks.ts';
import { setCondition } from './name-conditions.ts';

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

/** A definition that is deleted stays until its objects are gone. */
export function definitionHooks(clock: () => number): ResourceHooks {
  return {
    beginDeletion(object) {
      const definition = as<CustomResourceDefinition>(object);
      const finalizers = definition.metadata.finalizers ?? [];
      if (!finalizers.includes(cleanupFinalizer)) definition.metadata.finalizers = [...finalizers, cleanupFinalizer];
      definition.status ??= {};
      definition.status.conditions ??= [];
      setCondition(
        definition.status.conditions,
        {
          type: 'Terminating',
          status: 'True',
          reason: 'InstanceDeletionPending',
          message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
        },
        clock(),
      );
    },
  };
}
