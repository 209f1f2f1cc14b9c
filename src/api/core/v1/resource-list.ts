import { canonicalQuantity, isQuantity, parseQuantity } from '../../../machinery/quantity.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { type FieldPath, invalidValue } from '../../field-errors.ts';

/** Amounts by resource name, as in `limits`, `requests`, `capacity` and `hard`. */
export type ResourceList = Record<string, number | string>;

const quantityProblem = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Writes every amount as the API writes it (`1000m` -> `1`); leaves what is no quantity for validation to name. */
export function canonicalizeResources(list: ResourceList | undefined | null): void {
  if (list === undefined || list === null) return;
  for (const name of Object.keys(list)) {
    const value = list[name];
    if (isQuantity(value)) list[name] = canonicalQuantity(value);
  }
}

/** False, with the error, when the amount cannot be read; further checks of it have no meaning then. */
export function checkQuantity(value: unknown, path: FieldPath, errors: FieldError[]): value is string | number {
  if (isQuantity(value)) return true;
  errors.push(invalidValue(path, value, quantityProblem));
  return false;
}

export const negativeProblem = 'must be greater than or equal to 0';

export function isNegative(value: string | number): boolean {
  if (typeof value === 'number') return value < 0;
  return value.charCodeAt(0) === 45 && parseQuantity(value).nanos < 0n;
}

export function isZero(value: string | number): boolean {
  return value === 0 || value === '0' || parseQuantity(value).nanos === 0n;
}

const standardComputeResources: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
const integerResources: ReadonlySet<string> = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

export function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}

export function isStandardContainerResource(name: string): boolean {
  return standardComputeResources.has(name) || isHugePages(name);
}

/** Native: without a domain, or in `kubernetes.io`. */
export function isNativeResource(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

export function isExtendedResource(name: string): boolean {
  return !isNativeResource(name) && !name.startsWith('requests.');
}

/** Only of native resources may more be limited than is requested. */
export function isOvercommitAllowed(name: string): boolean {
  return isNativeResource(name) && !isHugePages(name);
}

export function isIntegerResource(name: string): boolean {
  return integerResources.has(name) || isExtendedResource(name);
}

/** Resource names that stand without a domain. */
export function isStandardResource(name: string): boolean {
  return (
    standardComputeResources.has(name) ||
    integerResources.has(name) ||
    isHugePages(name) ||
    isStandardQuotaResource(name) ||
    name === 'storage'
  );
}

export function isStandardQuotaResource(name: string): boolean {
  return (
    standardComputeResources.has(name) ||
    integerResources.has(name) ||
    name === 'requests.storage' ||
    name === 'requests.cpu' ||
    name === 'requests.memory' ||
    name === 'requests.ephemeral-storage' ||
    name === 'limits.cpu' ||
    name === 'limits.memory' ||
    name === 'limits.ephemeral-storage' ||
    isHugePages(name) ||
    name.startsWith('requests.hugepages-')
  );
}
