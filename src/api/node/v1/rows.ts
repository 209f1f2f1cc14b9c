import { isDns1123Label } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkImmutable, checkText } from '../../field-checks.ts';
import { FieldPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { RuntimeClass } from './types.generated.ts';

const handlerPath = new FieldPath('handler');

export const nodeResources: readonly ResourceDefinition[] = [
  defineResource<RuntimeClass>({
    group: 'node.k8s.io',
    version: 'v1',
    kind: 'RuntimeClass',
    resource: 'runtimeclasses',
    namespaced: false,
    schema: 'node/v1.RuntimeClass',
    columns: [nameColumn, column<RuntimeClass>('Handler', ({ handler }) => handler), ageColumn],
    validate: (runtimeClass) => validateRuntimeClass(runtimeClass),
    validateUpdate(runtimeClass, old) {
      const errors = validateRuntimeClass(runtimeClass);
      checkImmutable(errors, handlerPath, runtimeClass.handler, old.handler);
      return errors;
    },
  }),
];

function validateRuntimeClass({ handler }: RuntimeClass): FieldError[] {
  const errors: FieldError[] = [];
  checkText(errors, handlerPath, handler ?? '', isDns1123Label);
  return errors;
}
