import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { findCondition } from '../../conditions.ts';
import { checkRequiredChoice } from '../../field-checks.ts';
import { invalidValue, required, specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { FlowSchema, PriorityLevelConfiguration } from './types.generated.ts';

const precedenceMax = 10_000;

const shared = {
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  namespaced: false,
  generation: ['spec'],
  statusSubresource: true,
} as const;

export const flowcontrolResources: readonly ResourceDefinition[] = [
  defineResource<FlowSchema>({
    ...shared,
    kind: 'FlowSchema',
    resource: 'flowschemas',
    schema: 'flowcontrol/v1.FlowSchema',
    columns: [
      nameColumn,
      column<FlowSchema>('PriorityLevel', ({ spec }) => spec.priorityLevelConfiguration?.name ?? ''),
      column<FlowSchema>('MatchingPrecedence', ({ spec }) => spec.matchingPrecedence ?? 0),
      column<FlowSchema>('DistinguisherMethod', ({ spec }) => spec.distinguisherMethod?.type ?? '<none>'),
      ageColumn,
      column<FlowSchema>('MissingPL', ({ status }) => findCondition(status?.conditions, 'Dangling')?.status ?? '?'),
    ],
    defaults(flowSchema) {
      flowSchema.spec ??= { priorityLevelConfiguration: { name: '' } };
      flowSchema.spec.matchingPrecedence ??= 1000;
    },
    validate: validateFlowSchema,
  }),
  defineResource<PriorityLevelConfiguration>({
    ...shared,
    kind: 'PriorityLevelConfiguration',
    resource: 'prioritylevelconfigurations',
    schema: 'flowcontrol/v1.PriorityLevelConfiguration',
    columns: [
      nameColumn,
      column<PriorityLevelConfiguration>('Type', ({ spec }) => spec.type),
      column<PriorityLevelConfiguration>('NominalConcurrencyShares', ({ spec }) =>
        cell(spec.limited?.nominalConcurrencyShares ?? spec.exempt?.nominalConcurrencyShares),
      ),
      column<PriorityLevelConfiguration>('Queues', ({ spec }) => cell(queuing(spec)?.queues)),
      column<PriorityLevelConfiguration>('HandSize', ({ spec }) => cell(queuing(spec)?.handSize)),
      column<PriorityLevelConfiguration>('QueueLengthLimit', ({ spec }) => cell(queuing(spec)?.queueLengthLimit)),
      ageColumn,
    ],
    defaults: applyLevelDefaults,
    validate: validateLevel,
  }),
];

function queuing(spec: PriorityLevelConfiguration['spec']) {
  return spec.limited?.limitResponse?.queuing;
}

function cell(value: number | undefined): string | number {
  return value ?? '<none>';
}

function applyLevelDefaults(level: PriorityLevelConfiguration): void {
  level.spec ??= { type: '' };
  const { spec } = level;
  if (spec.exempt !== undefined) {
    spec.exempt.nominalConcurrencyShares ??= 0;
    spec.exempt.lendablePercent ??= 0;
  }
  const limited = spec.limited;
  if (limited === undefined) return;
  limited.nominalConcurrencyShares ??= 30;
  limited.lendablePercent ??= 0;
  const queues = limited.limitResponse?.queuing;
  if (queues === undefined) return;
  queues.handSize ??= 8;
  queues.queues ??= 64;
  queues.queueLengthLimit ??= 50;
}

function validateFlowSchema({ spec }: FlowSchema): FieldError[] {
  const errors: FieldError[] = [];
  const { matchingPrecedence = 0, priorityLevelConfiguration, distinguisherMethod } = spec;
  const precedencePath = specPath.child('matchingPrecedence');
  if (matchingPrecedence <= 0) {
    errors.push(invalidValue(precedencePath, matchingPrecedence, 'must be a positive value'));
  }
  if (matchingPrecedence > precedenceMax) {
    const detail = `must not be greater than ${precedenceMax}`;
    errors.push(invalidValue(precedencePath, matchingPrecedence, detail));
  }
  if ((priorityLevelConfiguration?.name ?? '') === '') {
    const path = specPath.child('priorityLevelConfiguration').child('name');
    errors.push(required(path, 'must reference a priority level'));
  }
  if (distinguisherMethod !== undefined) {
    const path = specPath.child('distinguisherMethod').child('type');
    checkRequiredChoice(errors, path, distinguisherMethod.type, ['ByNamespace', 'ByUser']);
  }
  return errors;
}

function validateLevel({ spec }: PriorityLevelConfiguration): FieldError[] {
  const errors: FieldError[] = [];
  checkRequiredChoice(errors, specPath.child('type'), spec.type, ['Exempt', 'Limited']);
  if (spec.type === 'Limited' && spec.limited === undefined) {
    errors.push(required(specPath.child('limited'), 'must not be empty when type is Limited'));
  }
  return errors;
}
