import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkAtMost100Percent, checkChoice, checkIntOrPercent } from '../../field-checks.ts';
import { invalidValue, specPath } from '../../field-errors.ts';
import { validateLabelSelector } from '../../label-validation.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { PodDisruptionBudget } from './types.generated.ts';

export const policyResources: readonly ResourceDefinition[] = [
  defineResource<PodDisruptionBudget>({
    group: 'policy',
    version: 'v1',
    kind: 'PodDisruptionBudget',
    resource: 'poddisruptionbudgets',
    shortNames: ['pdb'],
    schema: 'policy/v1.PodDisruptionBudget',
    columns: [
      nameColumn,
      column<PodDisruptionBudget>('Min Available', ({ spec }) => String(spec.minAvailable ?? 'N/A')),
      column<PodDisruptionBudget>('Max Unavailable', ({ spec }) => String(spec.maxUnavailable ?? 'N/A')),
      column<PodDisruptionBudget>('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed ?? 0, {
        type: 'integer',
      }),
      ageColumn,
    ],
    generation: ['spec'],
    initialStatus: () => ({ currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 }),
    statusSubresource: true,
    defaults(budget) {
      budget.spec ??= {};
    },
    validate: validateBudget,
  }),
];

function validateBudget({ spec }: PodDisruptionBudget): FieldError[] {
  const errors: FieldError[] = [];
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.push(invalidValue(specPath, spec, 'minAvailable and maxUnavailable cannot be both set'));
  }
  for (const [field, value] of Object.entries({ minAvailable, maxUnavailable })) {
    checkIntOrPercent(errors, specPath.child(field), value);
    checkAtMost100Percent(errors, specPath.child(field), value);
  }
  validateLabelSelector(selector, specPath.child('selector'), errors);
  const policyPath = specPath.child('unhealthyPodEvictionPolicy');
  checkChoice(errors, policyPath, unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget']);
  return errors;
}
