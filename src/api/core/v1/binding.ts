import type { FieldError } from '../../../machinery/status-error.ts';
import { FieldPath, notSupported, required } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { Binding } from './types.generated.ts';

const targetPath = new FieldPath('target');

/** Never stored: creating one gives a pod its node. */
export const bindingResource: ResourceDefinition = defineResource<Binding>({
  version: 'v1',
  kind: 'Binding',
  resource: 'bindings',
  verbs: ['create'],
  schema: 'core/v1.Binding',
  validate: validateBinding,
  virtual: true,
});

export function validateBinding({ target }: Binding): FieldError[] {
  const errors: FieldError[] = [];
  const kind = target?.kind ?? '';
  if (kind !== '' && kind !== 'Node') {
    errors.push(notSupported(targetPath.child('kind'), kind, ['Node', '<empty>']));
  }
  if (!target?.name) errors.push(required(targetPath.child('name')));
  return errors;
}
