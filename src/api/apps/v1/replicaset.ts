import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { applyPodTemplateDefaults } from '../../core/v1/pod-defaults.ts';
import { validatePodTemplate } from '../../core/v1/pod-validation.ts';
import { checkCounters, checkImmutable, checkNonnegative } from '../../field-checks.ts';
import { specPath, statusPath } from '../../field-errors.ts';
import { checkLongRunningTemplate, templateWarnings } from '../../pod-template.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { containersColumn, imagesColumn, selectorColumn } from './columns.ts';
import type { ReplicaSet, ReplicaSetStatus } from './types.generated.ts';
import { checkWorkloadSelector } from './workload-validation.ts';

export const replicaSetResource: ResourceDefinition = defineResource<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  resource: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  schema: 'apps/v1.ReplicaSet',
  columns: [
    nameColumn,
    column<ReplicaSet>('Desired', ({ spec }) => spec.replicas ?? 0, { type: 'integer' }),
    column<ReplicaSet>('Current', ({ status }) => status?.replicas ?? 0, { type: 'integer' }),
    column<ReplicaSet>('Ready', ({ status }) => status?.readyReplicas ?? 0, { type: 'integer' }),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  generation: ['spec'],
  initialStatus: () => ({ replicas: 0 }),
  statusSubresource: { validateUpdate: ({ status }) => validateReplicaSetStatus(status) },
  defaults(replicaSet) {
    replicaSet.spec ??= {} as ReplicaSet['spec'];
    const spec = replicaSet.spec;
    spec.replicas ??= 1;
    spec.template ??= {};
    applyPodTemplateDefaults(spec.template);
  },
  warnings: templateWarnings,
  validate: (replicaSet) => validateReplicaSet(replicaSet),
  validateUpdate(replicaSet, old) {
    const errors = validateReplicaSet(replicaSet);
    checkImmutable(errors, specPath.child('selector'), replicaSet.spec.selector, old.spec.selector);
    return errors;
  },
});

function validateReplicaSet({ spec }: ReplicaSet): FieldError[] {
  const errors: FieldError[] = [];
  checkNonnegative(errors, specPath.child('replicas'), spec.replicas);
  checkNonnegative(errors, specPath.child('minReadySeconds'), spec.minReadySeconds);
  checkWorkloadSelector(errors, spec, 'deployment');
  const templatePath = specPath.child('template');
  errors.push(...validatePodTemplate(spec.template ?? {}, templatePath));
  checkLongRunningTemplate(errors, templatePath, spec.template, 'ReplicaSet');
  return errors;
}

function validateReplicaSetStatus(status: Partial<ReplicaSetStatus> = {}): FieldError[] {
  const errors: FieldError[] = [];
  const { replicas, fullyLabeledReplicas, readyReplicas, availableReplicas, observedGeneration } = status;
  checkCounters(
    errors,
    statusPath,
    { replicas, fullyLabeledReplicas, readyReplicas, availableReplicas, observedGeneration },
    [
      ['fullyLabeledReplicas', 'replicas'],
      ['readyReplicas', 'replicas'],
      ['availableReplicas', 'replicas'],
      ['availableReplicas', 'readyReplicas'],
    ],
  );
  return errors;
}
