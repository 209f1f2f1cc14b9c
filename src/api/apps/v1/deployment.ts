import { equal } from '../../../machinery/json.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { applyPodTemplateDefaults } from '../../core/v1/pod-defaults.ts';
import { validatePodTemplate } from '../../core/v1/pod-validation.ts';
import {
  checkAtMost100Percent,
  checkCounters,
  checkImmutable,
  checkIntOrPercent,
  checkNonnegative,
  intOrPercentNumber,
} from '../../field-checks.ts';
import {
  type FieldPath,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  specPath,
  statusPath,
} from '../../field-errors.ts';
import { checkLongRunningTemplate, templateWarnings } from '../../pod-template.ts';
import type { Column, ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { containersColumn, imagesColumn, selectorColumn } from './columns.ts';
import type { Deployment, DeploymentStatus, DeploymentStrategy } from './types.generated.ts';
import { checkCollisionCount, checkWorkloadSelector } from './workload-validation.ts';

const columns: readonly Column[] = [
  nameColumn,
  column<Deployment>('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`, {
    description: 'Number of the pod with ready state',
  }),
  column<Deployment>('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0, {
    description: 'Pods that already have the template of this generation',
  }),
  column<Deployment>('Available', ({ status }) => status?.availableReplicas ?? 0, {
    description: 'Pods that have been ready for at least minReadySeconds',
  }),
  ageColumn,
  containersColumn,
  imagesColumn,
  selectorColumn,
];

export const deploymentResource: ResourceDefinition = defineResource<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  resource: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  schema: 'apps/v1.Deployment',
  columns,
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  statusSubresource: {
    keepMetadata: ['labels'],
    validateUpdate: ({ status }, old) => validateDeploymentStatus(status, old.status),
  },
  prepareForCreate(deployment) {
    deployment.metadata.generation = 1;
  },
  // Annotations count as well: rollouts are told of changes through them.
  prepareForUpdate(deployment, old) {
    const before = Math.max(old.metadata.generation ?? 0, 1);
    const isSame = equal(deployment.spec, old.spec) && equal(deployment.metadata.annotations, old.metadata.annotations);
    deployment.metadata.generation = isSame ? before : before + 1;
  },
  defaults: applyDeploymentDefaults,
  warnings: templateWarnings,
  validate: (deployment) => validateDeployment(deployment),
  validateUpdate(deployment, old) {
    const errors = validateDeployment(deployment);
    checkImmutable(errors, specPath.child('selector'), deployment.spec.selector, old.spec.selector);
    return errors;
  },
});

function applyDeploymentDefaults(deployment: Deployment): void {
  deployment.spec ??= {} as Deployment['spec'];
  const spec = deployment.spec;
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  spec.strategy ??= {};
  const strategy = spec.strategy;
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {};
    const rollingUpdate = strategy.rollingUpdate;
    rollingUpdate.maxUnavailable ??= '25%';
    rollingUpdate.maxSurge ??= '25%';
  }
  spec.template ??= {};
  applyPodTemplateDefaults(spec.template);
}

function validateDeployment({ spec }: Deployment): FieldError[] {
  const errors: FieldError[] = [];
  checkNonnegative(errors, specPath.child('replicas'), spec.replicas);
  checkWorkloadSelector(errors, spec, 'deployment');
  const templatePath = specPath.child('template');
  errors.push(...validatePodTemplate(spec.template, templatePath));
  checkLongRunningTemplate(errors, templatePath, spec.template, 'ReplicaSet');
  checkStrategy(errors, specPath.child('strategy'), spec.strategy ?? {});
  checkNonnegative(errors, specPath.child('minReadySeconds'), spec.minReadySeconds);
  checkNonnegative(errors, specPath.child('revisionHistoryLimit'), spec.revisionHistoryLimit);
  if (spec.progressDeadlineSeconds !== undefined) {
    const path = specPath.child('progressDeadlineSeconds');
    checkNonnegative(errors, path, spec.progressDeadlineSeconds);
    if (spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) {
      errors.push(invalidValue(path, spec.progressDeadlineSeconds, 'must be greater than minReadySeconds'));
    }
  }
  return errors;
}

function checkStrategy(errors: FieldError[], path: FieldPath, strategy: DeploymentStrategy): void {
  const rollingPath = path.child('rollingUpdate');
  switch (strategy.type) {
    case 'Recreate':
      if (strategy.rollingUpdate !== undefined) {
        errors.push(forbiddenField(rollingPath, "may not be specified when strategy `type` is 'Recreate'"));
      }
      break;
    case 'RollingUpdate': {
      if (strategy.rollingUpdate === undefined) {
        errors.push(required(rollingPath, 'this should be defaulted and never be nil'));
        break;
      }
      const { maxUnavailable, maxSurge } = strategy.rollingUpdate;
      checkIntOrPercent(errors, rollingPath.child('maxUnavailable'), maxUnavailable);
      checkIntOrPercent(errors, rollingPath.child('maxSurge'), maxSurge);
      if (intOrPercentNumber(maxUnavailable) === 0 && intOrPercentNumber(maxSurge) === 0) {
        errors.push(
          invalidValue(rollingPath.child('maxUnavailable'), maxUnavailable, 'may not be 0 when `maxSurge` is 0'),
        );
      }
      checkAtMost100Percent(errors, rollingPath.child('maxUnavailable'), maxUnavailable);
      break;
    }
    default:
      errors.push(notSupported(path, strategy, ['Recreate', 'RollingUpdate']));
  }
}

function validateDeploymentStatus(status: DeploymentStatus = {}, old: DeploymentStatus = {}): FieldError[] {
  const errors: FieldError[] = [];
  const { observedGeneration, replicas, updatedReplicas, readyReplicas, availableReplicas, unavailableReplicas } =
    status;
  checkCounters(
    errors,
    statusPath,
    { observedGeneration, replicas, updatedReplicas, readyReplicas, availableReplicas, unavailableReplicas },
    [
      ['updatedReplicas', 'replicas'],
      ['readyReplicas', 'replicas'],
      ['availableReplicas', 'replicas'],
      ['availableReplicas', 'readyReplicas'],
    ],
  );
  checkCollisionCount(errors, status.collisionCount, old.collisionCount);
  return errors;
}
