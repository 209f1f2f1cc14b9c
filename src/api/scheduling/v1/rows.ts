import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkRequiredChoice } from '../../field-checks.ts';
import { FieldPath, forbiddenField, metadataPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { PriorityClass } from './types.generated.ts';

const userPriorityMax = 1_000_000_000;
/** The classes that the cluster itself brings; no other name may begin with `system-`. */
const systemClasses: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};
const valuePath = new FieldPath('value');
const preemptionPath = new FieldPath('preemptionPolicy');

export const schedulingResources: readonly ResourceDefinition[] = [
  defineResource<PriorityClass>({
    group: 'scheduling.k8s.io',
    version: 'v1',
    kind: 'PriorityClass',
    resource: 'priorityclasses',
    shortNames: ['pc'],
    namespaced: false,
    schema: 'scheduling/v1.PriorityClass',
    columns: [
      nameColumn,
      column<PriorityClass>('Value', ({ value }) => value ?? 0, { type: 'integer' }),
      column<PriorityClass>('Global-Default', ({ globalDefault }) => globalDefault ?? false, { type: 'boolean' }),
      ageColumn,
      column<PriorityClass>('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
    ],
    prepareForCreate(priorityClass) {
      priorityClass.metadata.generation = 1;
    },
    defaults(priorityClass) {
      priorityClass.value ??= 0;
      priorityClass.preemptionPolicy ??= 'PreemptLowerPriority';
    },
    validate: (priorityClass) => validatePriorityClass(priorityClass),
    validateUpdate(priorityClass, old) {
      const errors = validatePriorityClass(priorityClass);
      const detail = 'may not be changed in an update.';
      if (priorityClass.value !== old.value) errors.push(forbiddenField(valuePath, detail));
      if (priorityClass.preemptionPolicy !== old.preemptionPolicy) errors.push(forbiddenField(preemptionPath, detail));
      return errors;
    },
  }),
];

function validatePriorityClass({ metadata, value = 0, preemptionPolicy }: PriorityClass): FieldError[] {
  const errors: FieldError[] = [];
  const { name } = metadata;
  if (name.startsWith('system-')) {
    if (systemClasses[name] !== value) {
      const detail = "priority class names with 'system-' prefix are reserved for system use only";
      errors.push(forbiddenField(metadataPath.child('name'), detail));
    }
  } else if (value > userPriorityMax) {
    errors.push(forbiddenField(valuePath, `maximum allowed value of a user defined priority is ${userPriorityMax}`));
  }
  checkRequiredChoice(errors, preemptionPath, preemptionPolicy, ['Never', 'PreemptLowerPriority']);
  return errors;
}
