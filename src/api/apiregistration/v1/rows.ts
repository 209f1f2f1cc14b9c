import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { findCondition } from '../../conditions.ts';
import { invalidValue, metadataPath, required, specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { APIService } from './types.generated.ts';

const groupPriorityMax = 20_000;
const versionPriorityMax = 1000;

export const apiregistrationResources: readonly ResourceDefinition[] = [
  defineResource<APIService>({
    group: 'apiregistration.k8s.io',
    version: 'v1',
    kind: 'APIService',
    resource: 'apiservices',
    categories: ['api-extensions'],
    namespaced: false,
    schema: 'apiregistration/v1.APIService',
    columns: [
      nameColumn,
      column<APIService>('Service', ({ spec }) =>
        spec?.service === undefined ? 'Local' : `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}`,
      ),
      column<APIService>('Available', availableCell),
      ageColumn,
    ],
    statusSubresource: true,
    defaults(service) {
      service.spec ??= { groupPriorityMinimum: 0, versionPriority: 0 };
      if (service.spec.service !== undefined) service.spec.service.port ??= 443;
    },
    validate: validateApiService,
  }),
];

function availableCell({ status }: APIService): string {
  const condition = findCondition(status?.conditions, 'Available');
  if (condition === undefined) return 'Unknown';
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason ?? ''})`;
}

function validateApiService({ metadata, spec }: APIService): FieldError[] {
  const errors: FieldError[] = [];
  const { group = '', version = '', service, caBundle, insecureSkipTLSVerify } = spec;
  const expected = `${version}.${group}`;
  if (metadata.name !== expected) {
    errors.push(
      invalidValue(metadataPath.child('name'), metadata.name, `must be \`spec.version+"."+spec.group\`: "${expected}"`),
    );
  }
  if (version === '') errors.push(required(specPath.child('version')));
  checkPriority(errors, 'groupPriorityMinimum', spec.groupPriorityMinimum, groupPriorityMax);
  checkPriority(errors, 'versionPriority', spec.versionPriority, versionPriorityMax);
  if (service === undefined) {
    if (caBundle !== undefined) {
      errors.push(
        invalidValue(
          specPath.child('caBundle'),
          `${caBundle.length} bytes`,
          'local APIServices may not have a caBundle',
        ),
      );
    }
    if (insecureSkipTLSVerify === true) {
      const path = specPath.child('insecureSkipTLSVerify');
      errors.push(invalidValue(path, true, 'local APIServices may not have insecureSkipTLSVerify'));
    }
    return errors;
  }
  if ((service.namespace ?? '') === '') errors.push(required(specPath.child('service').child('namespace')));
  if ((service.name ?? '') === '') errors.push(required(specPath.child('service').child('name')));
  if (insecureSkipTLSVerify === true && caBundle !== undefined) {
    const path = specPath.child('insecureSkipTLSVerify');
    errors.push(invalidValue(path, true, 'may not be true if caBundle is present'));
  }
  return errors;
}

function checkPriority(errors: FieldError[], field: string, value: number | undefined, max: number): void {
  const priority = value ?? 0;
  if (priority > max) errors.push(invalidValue(specPath.child(field), priority, `must not be larger than ${max}`));
  if (priority <= 0)
    errors.push(invalidValue(specPath.child(field), priority, 'must be positive for priority of an APIService'));
}
