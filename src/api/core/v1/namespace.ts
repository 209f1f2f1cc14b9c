import { isDns1123Label, isQualifiedName } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { invalidEach, invalidValue, specPath, statusPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { customSubresource, defineResource, keepField } from '../../strategy.ts';
import type { Namespace } from './types.generated.ts';

const nameLabel = 'kubernetes.io/metadata.name';

export const namespaceResource: ResourceDefinition = defineResource<Namespace>({
  version: 'v1',
  kind: 'Namespace',
  resource: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  schema: 'core/v1.Namespace',
  columns: [
    nameColumn,
    column<Namespace>('Status', (namespace) => namespace.status?.phase ?? '', { description: 'Active or Terminating' }),
    ageColumn,
  ],
  selectableFields: { 'status.phase': (namespace) => namespace.status?.phase ?? '' },
  validateName: (name) => isDns1123Label(name)[0],
  initialStatus: () => ({ phase: 'Active' }),
  prepareForCreate(namespace) {
    namespace.spec ??= {};
    const finalizers = namespace.spec.finalizers ?? [];
    if (!finalizers.includes('kubernetes')) namespace.spec.finalizers = [...finalizers, 'kubernetes'];
  },
  prepareForUpdate(namespace, old) {
    namespace.spec ??= {};
    if (old.spec?.finalizers === undefined) delete namespace.spec.finalizers;
    else namespace.spec.finalizers = old.spec.finalizers;
  },
  defaults(namespace) {
    const { name, labels } = namespace.metadata;
    // A name that is still to be generated gets its label when there is one.
    if (name && labels?.[nameLabel] !== name) namespace.metadata.labels = { ...labels, [nameLabel]: name };
  },
  validate: validateFinalizers,
  statusSubresource: { validateUpdate: validateStatus },
  subresources: [
    {
      ...customSubresource('finalize', 'Namespace', ['update']),
      strategy: {
        prepareForUpdate: (object, old) => keepField(object, old, 'status'),
        validateUpdate: (object) => validateFinalizers(object as unknown as Namespace),
      },
    },
  ],
});

function validateFinalizers(namespace: Namespace): FieldError[] {
  const errors: FieldError[] = [];
  namespace.spec?.finalizers?.forEach((finalizer, index) => {
    const path = specPath.at('finalizers', index);
    const problems = isQualifiedName(finalizer);
    invalidEach(errors, path, finalizer, problems);
    if (problems.length === 0 && finalizer !== 'kubernetes' && !finalizer.includes('/')) {
      errors.push(invalidValue(path, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'));
    }
  });
  return errors;
}

function validateStatus(namespace: Namespace): FieldError[] {
  const phase = namespace.status?.phase ?? '';
  const isDeleting = Boolean(namespace.metadata.deletionTimestamp);
  const path = statusPath.child('phase');
  if (isDeleting && phase !== 'Terminating') {
    return [invalidValue(path, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")];
  }
  if (!isDeleting && phase !== 'Active') {
    return [invalidValue(path, phase, "may only be 'Active' if `deletionTimestamp` is empty")];
  }
  return [];
}
