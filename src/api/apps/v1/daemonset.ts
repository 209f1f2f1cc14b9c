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
import { type FieldPath, invalidValue, notSupported, required, specPath, statusPath } from '../../field-errors.ts';
import { checkLongRunningTemplate, templateWarnings } from '../../pod-template.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { containersColumn, imagesColumn, selectorColumn } from './columns.ts';
import type { DaemonSet, DaemonSetStatus, DaemonSetUpdateStrategy } from './types.generated.ts';
import { checkCollisionCount, checkWorkloadSelector } from './workload-validation.ts';

const counter = (name: string, of: (status: Partial<DaemonSetStatus>) => number | undefined) =>
  column<DaemonSet>(name, ({ status }) => of(status ?? {}) ?? 0, { type: 'integer' });

export const daemonSetResource: ResourceDefinition = defineResource<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  resource: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  schema: 'apps/v1.DaemonSet',
  columns: [
    nameColumn,
    counter('Desired', (status) => status.desiredNumberScheduled),
    counter('Current', (status) => status.currentNumberScheduled),
    counter('Ready', (status) => status.numberReady),
    counter('Up-to-date', (status) => status.updatedNumberScheduled),
    counter('Available', (status) => status.numberAvailable),
    column<DaemonSet>('Node Selector', ({ spec }) => formatMap(spec.template.spec?.nodeSelector)),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  generation: ['spec'],
  initialStatus: () => ({
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: 0,
    numberReady: 0,
  }),
  statusSubresource: { validateUpdate: ({ status }, old) => validateDaemonSetStatus(status, old.status) },
  defaults: applyDaemonSetDefaults,
  warnings: templateWarnings,
  validate: (daemonSet) => validateDaemonSet(daemonSet),
  validateUpdate(daemonSet, old) {
    const errors = validateDaemonSet(daemonSet);
    checkImmutable(errors, specPath.child('selector'), daemonSet.spec.selector, old.spec.selector);
    return errors;
  },
});

function applyDaemonSetDefaults(daemonSet: DaemonSet): void {
  daemonSet.spec ??= {} as DaemonSet['spec'];
  const spec = daemonSet.spec;
  spec.revisionHistoryLimit ??= 10;
  spec.updateStrategy ??= {};
  const strategy = spec.updateStrategy;
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {};
    const rollingUpdate = strategy.rollingUpdate;
    rollingUpdate.maxUnavailable ??= 1;
    rollingUpdate.maxSurge ??= 0;
  }
  spec.template ??= {};
  applyPodTemplateDefaults(spec.template);
}

function validateDaemonSet({ spec }: DaemonSet): FieldError[] {
  const errors: FieldError[] = [];
  const templatePath = specPath.child('template');
  checkWorkloadSelector(errors, spec, 'daemonset');
  errors.push(...validatePodTemplate(spec.template, templatePath));
  checkLongRunningTemplate(errors, templatePath, spec.template, 'DaemonSet');
  checkNonnegative(errors, specPath.child('minReadySeconds'), spec.minReadySeconds);
  checkUpdateStrategy(errors, specPath.child('updateStrategy'), spec.updateStrategy ?? {});
  checkNonnegative(errors, specPath.child('revisionHistoryLimit'), spec.revisionHistoryLimit);
  return errors;
}

function checkUpdateStrategy(errors: FieldError[], path: FieldPath, strategy: DaemonSetUpdateStrategy): void {
  if (strategy.type === 'OnDelete') return;
  if (strategy.type !== 'RollingUpdate') {
    errors.push(notSupported(path, strategy, ['RollingUpdate', 'OnDelete']));
    return;
  }
  const rollingPath = path.child('rollingUpdate');
  if (strategy.rollingUpdate === undefined) {
    errors.push(required(rollingPath));
    return;
  }
  const { maxUnavailable, maxSurge } = strategy.rollingUpdate;
  for (const [name, value] of Object.entries({ maxUnavailable, maxSurge })) {
    checkIntOrPercent(errors, rollingPath.child(name), value);
    checkAtMost100Percent(errors, rollingPath.child(name), value);
  }
  const isUnavailableAllowed = intOrPercentNumber(maxUnavailable) !== 0;
  const isSurgeAllowed = intOrPercentNumber(maxSurge) !== 0;
  if (isUnavailableAllowed && isSurgeAllowed) {
    errors.push(
      invalidValue(rollingPath.child('maxSurge'), maxSurge, 'may not be set when maxUnavailable is non-zero'),
    );
  } else if (!isUnavailableAllowed && !isSurgeAllowed) {
    errors.push(required(rollingPath.child('maxUnavailable'), 'cannot be 0 when maxSurge is 0'));
  }
}

function validateDaemonSetStatus(
  status: Partial<DaemonSetStatus> = {},
  old: Partial<DaemonSetStatus> = {},
): FieldError[] {
  const errors: FieldError[] = [];
  const { conditions: _conditions, collisionCount, ...counters } = status;
  checkCounters(errors, statusPath, counters, []);
  checkCollisionCount(errors, collisionCount, old.collisionCount);
  return errors;
}

function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(map ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}
