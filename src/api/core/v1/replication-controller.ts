import { selectorFromSet } from '../../../machinery/labels.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { invalidValue, notSupported, required, specPath, statusPath } from '../../field-errors.ts';
import { templateWarnings } from '../../pod-template.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { applyPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-validation.ts';
import { negativeProblem } from './resource-list.ts';
import { containerNamesCell, imagesCell, labelsCell } from './template-cells.ts';
import type { ReplicationController } from './types.generated.ts';

const templatePath = specPath.child('template');

export const replicationControllerResource: ResourceDefinition = defineResource<ReplicationController>({
  version: 'v1',
  kind: 'ReplicationController',
  resource: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  schema: 'core/v1.ReplicationController',
  generation: ['spec'],
  columns: [
    nameColumn,
    column<ReplicationController>('Desired', ({ spec }) => spec?.replicas ?? 0, { type: 'integer' }),
    column<ReplicationController>('Current', ({ status }) => status?.replicas ?? 0, { type: 'integer' }),
    column<ReplicationController>('Ready', ({ status }) => status?.readyReplicas ?? 0, { type: 'integer' }),
    ageColumn,
    column<ReplicationController>('Containers', ({ spec }) => containerNamesCell(spec?.template), { wide: true }),
    column<ReplicationController>('Images', ({ spec }) => imagesCell(spec?.template), { wide: true }),
    column<ReplicationController>('Selector', ({ spec }) => labelsCell(spec?.selector), { wide: true }),
  ],
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  initialStatus: () => ({ replicas: 0 }),
  defaults(controller) {
    controller.spec ??= {};
    const { spec } = controller;
    const labels = spec.template?.metadata?.labels;
    if (labels && Object.keys(labels).length > 0) {
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
      if (Object.keys(controller.metadata.labels ?? {}).length === 0) controller.metadata.labels = { ...labels };
    }
    spec.replicas ??= 1;
    applyPodTemplateDefaults(spec.template);
  },
  validate: validateController,
  warnings: templateWarnings,
  defaultPropagation: 'orphan',
  statusSubresource: {
    validateUpdate({ status }) {
      const errors: FieldError[] = [];
      for (const field of ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const) {
        const value = status?.[field] ?? 0;
        if (value < 0) errors.push(invalidValue(statusPath.child(field), value, negativeProblem));
        else if (field !== 'replicas' && value > (status?.replicas ?? 0)) {
          errors.push(invalidValue(statusPath.child(field), value, 'cannot be greater than status.replicas'));
        }
      }
      return errors;
    },
  },
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
});

function validateController({ spec }: ReplicationController): FieldError[] {
  const errors: FieldError[] = [];
  const { replicas, minReadySeconds = 0, selector = {}, template } = spec;
  if (minReadySeconds < 0)
    errors.push(invalidValue(specPath.child('minReadySeconds'), minReadySeconds, negativeProblem));
  if (Object.keys(selector).length === 0) errors.push(required(specPath.child('selector')));
  if (replicas === undefined) errors.push(required(specPath.child('replicas')));
  else if (replicas < 0) errors.push(invalidValue(specPath.child('replicas'), replicas, negativeProblem));
  if (template === undefined || template === null) {
    errors.push(required(templatePath));
    return errors;
  }
  const labels = template.metadata?.labels;
  if (Object.keys(selector).length > 0 && !selectorFromSet(selector).matches(labels)) {
    const path = templatePath.child('metadata').child('labels');
    errors.push(invalidValue(path, labels ?? null, '`selector` does not match template `labels`'));
  }
  validatePodTemplate(template, templatePath, errors);
  const policy = template.spec?.restartPolicy;
  if (policy && policy !== 'Always') {
    errors.push(notSupported(templatePath.child('spec').child('restartPolicy'), policy, ['Always']));
  }
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    const path = templatePath.child('spec').child('activeDeadlineSeconds');
    const detail = 'activeDeadlineSeconds in ReplicationController is not Supported';
    errors.push({ type: 'forbidden', field: path.toString(), detail });
  }
  return errors;
}
