import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkChoice } from '../../field-checks.ts';
import { invalidValue, required, specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { Lease } from './types.generated.ts';

export const coordinationResources: readonly ResourceDefinition[] = [
  defineResource<Lease>({
    group: 'coordination.k8s.io',
    version: 'v1',
    kind: 'Lease',
    resource: 'leases',
    schema: 'coordination/v1.Lease',
    columns: [nameColumn, column<Lease>('Holder', ({ spec }) => spec?.holderIdentity ?? ''), ageColumn],
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
    defaults(lease) {
      lease.spec ??= {};
    },
    validate: validateLease,
  }),
];

function validateLease({ spec = {} }: Partial<Pick<Lease, 'spec'>>): FieldError[] {
  const errors: FieldError[] = [];
  const { leaseDurationSeconds, leaseTransitions, strategy, preferredHolder } = spec;
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
    errors.push(invalidValue(specPath.child('leaseDurationSeconds'), leaseDurationSeconds, 'must be greater than 0'));
  }
  if (leaseTransitions !== undefined && leaseTransitions < 0) {
    const detail = 'must be greater than or equal to 0';
    errors.push(invalidValue(specPath.child('leaseTransitions'), leaseTransitions, detail));
  }
  checkChoice(errors, specPath.child('strategy'), strategy, ['OldestEmulationVersion']);
  if (preferredHolder !== undefined && preferredHolder !== '' && (strategy === undefined || strategy === '')) {
    errors.push(required(specPath.child('strategy'), 'strategy must be specified when `preferredHolder` is specified'));
  }
  return errors;
}
