import { equal } from '../../../machinery/json.ts';
import { isDns1123Label } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { applyPodTemplateDefaults } from '../../core/v1/pod-defaults.ts';
import {
  checkAtMost100Percent,
  checkChoice,
  checkCounters,
  checkIntOrPercent,
  checkNonnegative,
} from '../../field-checks.ts';
import { type FieldPath, forbiddenField, invalidValue, required, specPath, statusPath } from '../../field-errors.ts';
import { checkLongRunningTemplate, templateWarnings } from '../../pod-template.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { containersColumn, imagesColumn } from './columns.ts';
import type { StatefulSet, StatefulSetSpec, StatefulSetStatus } from './types.generated.ts';
import { checkCollisionCount, checkWorkloadSelector } from './workload-validation.ts';

/** The fields of a spec that an update may change; the rest is fixed at creation. */
const mutableFields: readonly (keyof StatefulSetSpec)[] = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];
const immutableDetail =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', " +
  "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export const statefulSetResource: ResourceDefinition = defineResource<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  resource: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  schema: 'apps/v1.StatefulSet',
  columns: [
    nameColumn,
    column<StatefulSet>('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`, {
      description: 'Number of the pod with ready state',
    }),
    ageColumn,
    containersColumn,
    imagesColumn,
  ],
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  generation: ['spec'],
  initialStatus: () => ({ replicas: 0, availableReplicas: 0 }),
  statusSubresource: { validateUpdate: ({ status }, old) => validateStatefulSetStatus(status, old.status) },
  defaults: applyStatefulSetDefaults,
  // A pod's hostname is made of the name and an ordinal, so the name must itself be a label.
  validateName: (name) => isDns1123Label(name)[0],
  warnings: templateWarnings,
  validate: (statefulSet) => validateStatefulSet(statefulSet),
  validateUpdate(statefulSet, old) {
    const errors = validateStatefulSet(statefulSet);
    if (!equal(fixedPart(statefulSet.spec), fixedPart(old.spec))) {
      errors.push(forbiddenField(specPath, immutableDetail));
    }
    return errors;
  },
});

function applyStatefulSetDefaults(statefulSet: StatefulSet): void {
  statefulSet.spec ??= {} as StatefulSetSpec;
  const spec = statefulSet.spec;
  spec.podManagementPolicy ??= 'OrderedReady';
  spec.updateStrategy ??= {};
  const strategy = spec.updateStrategy;
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {};
    const rollingUpdate = strategy.rollingUpdate;
    rollingUpdate.partition ??= 0;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  retention.whenDeleted ??= 'Retain';
  retention.whenScaled ??= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.template ??= {};
  applyPodTemplateDefaults(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= 'v1';
    claim.kind ??= 'PersistentVolumeClaim';
    claim.spec ??= {};
    claim.spec.volumeMode ??= 'Filesystem';
    claim.status ??= {};
    claim.status.phase ??= 'Pending';
  }
}

function validateStatefulSet({ spec }: StatefulSet): FieldError[] {
  const errors: FieldError[] = [];
  checkPolicies(errors, spec);
  checkNonnegative(errors, specPath.child('replicas'), spec.replicas);
  checkNonnegative(errors, specPath.child('minReadySeconds'), spec.minReadySeconds);
  checkNonnegative(errors, specPath.child('ordinals').child('start'), spec.ordinals?.start);
  checkNonnegative(errors, specPath.child('revisionHistoryLimit'), spec.revisionHistoryLimit);
  checkWorkloadSelector(errors, spec, 'statefulset');
  // The pod spec is not validated here, as upstream: its volumes are only whole with those of the claim templates.
  const templatePath = specPath.child('template');
  checkLongRunningTemplate(errors, templatePath, spec.template, 'StatefulSet');
  return errors;
}

function checkPolicies(errors: FieldError[], spec: StatefulSetSpec): void {
  const policy = spec.podManagementPolicy;
  const policyPath = specPath.child('podManagementPolicy');
  if (policy === undefined || policy === '') errors.push(required(policyPath));
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    errors.push(invalidValue(policyPath, policy, "must be 'OrderedReady' or 'Parallel'"));
  }
  checkUpdateStrategy(errors, specPath.child('updateStrategy'), spec.updateStrategy ?? {});
  const retentionPath = specPath.child('persistentVolumeClaimRetentionPolicy');
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  checkChoice(errors, retentionPath.child('whenDeleted'), retention?.whenDeleted, ['Delete', 'Retain']);
  checkChoice(errors, retentionPath.child('whenScaled'), retention?.whenScaled, ['Delete', 'Retain']);
}

function checkUpdateStrategy(
  errors: FieldError[],
  path: FieldPath,
  strategy: NonNullable<StatefulSetSpec['updateStrategy']>,
): void {
  const rollingPath = path.child('rollingUpdate');
  switch (strategy.type) {
    case undefined:
    case '':
      errors.push(required(path));
      break;
    case 'OnDelete':
      if (strategy.rollingUpdate !== undefined) {
        errors.push(
          invalidValue(rollingPath, strategy.rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'"),
        );
      }
      break;
    case 'RollingUpdate': {
      checkNonnegative(errors, rollingPath.child('partition'), strategy.rollingUpdate?.partition);
      const maxUnavailable = strategy.rollingUpdate?.maxUnavailable;
      const maxPath = rollingPath.child('maxUnavailable');
      checkIntOrPercent(errors, maxPath, maxUnavailable);
      if (maxUnavailable === 0 || maxUnavailable === '0%') {
        errors.push(invalidValue(maxPath, maxUnavailable, 'cannot be 0'));
      }
      checkAtMost100Percent(errors, maxPath, maxUnavailable);
      break;
    }
    default:
      errors.push(invalidValue(path, strategy, "must be 'RollingUpdate' or 'OnDelete'"));
  }
}

function validateStatefulSetStatus(
  status: Partial<StatefulSetStatus> = {},
  old: Partial<StatefulSetStatus> = {},
): FieldError[] {
  const errors: FieldError[] = [];
  const { replicas, readyReplicas, currentReplicas, updatedReplicas, availableReplicas, observedGeneration } = status;
  checkCounters(
    errors,
    statusPath,
    { replicas, readyReplicas, currentReplicas, updatedReplicas, availableReplicas, observedGeneration },
    [
      ['readyReplicas', 'replicas'],
      ['currentReplicas', 'replicas'],
      ['updatedReplicas', 'replicas'],
      ['availableReplicas', 'replicas'],
      ['availableReplicas', 'readyReplicas'],
    ],
  );
  checkCollisionCount(errors, status.collisionCount, old.collisionCount);
  return errors;
}

function fixedPart(spec: StatefulSetSpec): Partial<StatefulSetSpec> {
  const fixed: Partial<StatefulSetSpec> = { ...spec };
  for (const field of mutableFields) delete fixed[field];
  return fixed;
}
