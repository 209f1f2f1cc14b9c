import { equal } from '../../../machinery/json.ts';
import { isQualifiedName } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { type FieldPath, invalidEach, invalidValue, required, specPath, statusPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { validateResourceQuantityValue } from './container-resources.ts';
import { canonicalizeResources, checkQuantity, isStandardQuotaResource, type ResourceList } from './resource-list.ts';
import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from './types.generated.ts';

const scopes: readonly string[] = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];

export const resourceQuotaResource: ResourceDefinition = defineResource<ResourceQuota>({
  version: 'v1',
  kind: 'ResourceQuota',
  resource: 'resourcequotas',
  returnsDeletedObject: true,
  shortNames: ['quota'],
  schema: 'core/v1.ResourceQuota',
  columns: [
    nameColumn,
    column<ResourceQuota>('Request', (quota) => usageCell(quota, false), {
      description: 'Used and allowed, of requests',
    }),
    column<ResourceQuota>('Limit', (quota) => usageCell(quota, true), { description: 'Used and allowed, of limits' }),
    ageColumn,
  ],
  defaults(quota) {
    quota.spec ??= {};
    canonicalizeResources(quota.spec.hard);
    canonicalizeResources(quota.status?.hard);
    canonicalizeResources(quota.status?.used);
  },
  validate: ({ spec }) => validateQuotaSpec(spec),
  validateUpdate(quota, old) {
    const errors = validateQuotaSpec(quota.spec);
    const before = [...(old.spec?.scopes ?? [])].sort();
    const after = [...(quota.spec.scopes ?? [])].sort();
    if (!equal(before, after)) {
      errors.push(invalidValue(specPath.child('scopes'), quota.spec.scopes ?? null, 'field is immutable'));
    }
    return errors;
  },
  statusSubresource: {
    validateUpdate({ status }) {
      const errors: FieldError[] = [];
      validateHard(status?.hard, statusPath.child('hard'), errors);
      validateHard(status?.used, statusPath.child('used'), errors);
      return errors;
    },
  },
});

function usageCell({ status }: ResourceQuota, isLimits: boolean): string {
  const hard = status?.hard ?? {};
  return Object.keys(hard)
    .filter((name) => name.startsWith('limits.') === isLimits)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? 0}/${hard[name] ?? 0}`)
    .join(', ');
}

const conflicts: readonly (readonly [string, string])[] = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
];

function validateQuotaSpec(spec: ResourceQuotaSpec): FieldError[] {
  const errors: FieldError[] = [];
  validateHard(spec.hard, specPath.child('hard'), errors);
  const path = specPath.child('scopes');
  const given = spec.scopes ?? [];
  for (const scope of given) {
    if (!scopes.includes(scope)) errors.push(invalidValue(path, given, 'unsupported scope'));
    if (Object.keys(spec.hard ?? {}).some((name) => !isCountedInScope(name, scope))) {
      errors.push(invalidValue(path, given, 'unsupported scope applied to resource'));
    }
  }
  for (const [one, other] of conflicts) {
    if (given.includes(one) && given.includes(other)) errors.push(invalidValue(path, given, 'conflicting scopes'));
  }
  for (const requirement of spec.scopeSelector?.matchExpressions ?? []) validateScopeRequirement(requirement, errors);
  return errors;
}

/** Pods without any request can only be counted; the other scopes may also bound what pods ask for. */
function isCountedInScope(name: string, scope: string): boolean {
  if (!isStandardQuotaResource(name)) return true;
  if (scope === 'BestEffort') return name === 'pods';
  return name === 'pods' || isComputeQuota(name);
}

function isComputeQuota(name: string): boolean {
  return /^(?:(?:requests|limits)\.)?(?:cpu|memory)$/.test(name);
}

const requirementPath = specPath.child('scopeSelector').child('matchExpressions');

function validateScopeRequirement(
  { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement,
  errors: FieldError[],
): void {
  const of = 'for scope selector';
  if (!scopes.includes(scopeName)) {
    errors.push(invalidValue(requirementPath.child('scopeName'), scopeName, 'unsupported scope'));
  }
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length > 0) return;
    const detail = `must be at least one value when \`operator\` is 'In' or 'NotIn' ${of}`;
    errors.push(required(requirementPath.child('values'), detail));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length === 0) return;
    const detail = `must be no value when \`operator\` is 'Exist' or 'DoesNotExist' ${of}`;
    errors.push(invalidValue(requirementPath.child('values'), values, detail));
  } else errors.push(invalidValue(requirementPath.child('operator'), operator, 'not a valid selector operator'));
}

function validateHard(list: ResourceList | undefined, path: FieldPath, errors: FieldError[]): void {
  for (const name of Object.keys(list ?? {})) {
    const at = path.key(name);
    const value = list?.[name];
    invalidEach(errors, at, name, isQualifiedName(name));
    if (!name.includes('/') && !isStandardQuotaResource(name)) {
      errors.push(invalidValue(at, name, 'must be a standard resource for quota'));
    }
    if (checkQuantity(value, at, errors)) validateResourceQuantityValue(name, value, at, errors);
  }
}
