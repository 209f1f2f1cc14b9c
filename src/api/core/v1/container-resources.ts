import { isQualifiedName } from '../../../machinery/names.ts';
import { canonicalQuantity, compareQuantity, isQuantity, parseQuantity } from '../../../machinery/quantity.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import {
  duplicate,
  type FieldPath,
  forbiddenField,
  invalidEach,
  invalidValue,
  notFoundValue,
  required,
} from '../../field-errors.ts';
import {
  checkQuantity,
  isExtendedResource,
  isHugePages,
  isIntegerResource,
  isNativeResource,
  isOvercommitAllowed,
  isStandardContainerResource,
  isStandardResource,
  negativeProblem,
  type ResourceList,
} from './resource-list.ts';
import type { ResourceRequirements } from './types.generated.ts';

/** The resources of a container: names, amounts, and that no request is above its limit. */
export function validateContainerResources(
  resources: ResourceRequirements | undefined | null,
  claimNames: ReadonlySet<string>,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (resources === undefined || resources === null) return;
  const { limits, requests } = resources;
  if (limits) validateList(limits, path.child('limits'), errors);
  if (requests) {
    const at = path.child('requests');
    validateList(requests, at, errors);
    compareWithLimits(requests, limits ?? {}, path, errors);
  }
  if (needsCpuOrMemory(limits ?? {}, requests ?? {})) {
    errors.push(forbiddenField(path, 'HugePages require cpu or memory'));
  }
  if (resources.claims) validateClaims(resources, claimNames, path, errors);
}

export function validateContainerResourceName(name: string, path: FieldPath, errors: FieldError[]): void {
  if (isStandardContainerResource(name)) return;
  const problems = isQualifiedName(name);
  invalidEach(errors, path, name, problems);
  if (problems.length > 0) return;
  if (!name.includes('/')) {
    if (!isStandardResource(name)) {
      errors.push(invalidValue(path, name, 'must be a standard resource type or fully qualified'));
    }
    errors.push(invalidValue(path, name, 'must be a standard resource for containers'));
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(invalidValue(path, name, "doesn't follow extended resource name standard"));
  }
}

/** An amount of a resource: not negative, and whole where only whole ones exist. */
export function validateResourceQuantityValue(
  name: string,
  value: string | number,
  path: FieldPath,
  errors: FieldError[],
): void {
  const quantity = parseQuantity(value);
  if (quantity.nanos < 0n) errors.push(invalidValue(path, canonicalQuantity(value), negativeProblem));
  if (isIntegerResource(name) && quantity.nanos % 1_000_000_000n !== 0n) {
    errors.push(invalidValue(path, canonicalQuantity(value), 'must be an integer'));
  }
  if (isHugePages(name) && !isMultipleOfPage(name, quantity.nanos)) {
    const text = canonicalQuantity(value);
    errors.push(invalidValue(path, text, `${text} is not positive integer multiple of ${name}`));
  }
}

/** The page size is the rest of the name: `hugepages-2Mi`. */
function isMultipleOfPage(name: string, nanos: bigint): boolean {
  const size = name.slice('hugepages-'.length);
  if (!isQuantity(size)) return true;
  const page = parseQuantity(size).nanos;
  return page > 0n && nanos % page === 0n;
}

function validateList(list: ResourceList, path: FieldPath, errors: FieldError[]): void {
  for (const name of Object.keys(list)) {
    const value = list[name];
    if (isStandardContainerResource(name) && isPlainAmount(value)) continue;
    const at = path.key(name);
    validateContainerResourceName(name, at, errors);
    if (checkQuantity(value, at, errors)) validateResourceQuantityValue(name, value, at, errors);
  }
}

const plainAmount = /^[0-9]+(?:m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;

/** What nearly every amount is: digits and a suffix, so never negative. */
function isPlainAmount(value: unknown): boolean {
  return typeof value === 'string' && plainAmount.test(value);
}

function compareWithLimits(requests: ResourceList, limits: ResourceList, path: FieldPath, errors: FieldError[]): void {
  for (const name of Object.keys(requests)) {
    const request = requests[name];
    const limit = limits[name];
    if (limit === undefined) {
      if (isOvercommitAllowed(name)) continue;
      errors.push(required(path.child('limits'), 'Limit must be set for non overcommitable resources'));
      continue;
    }
    if (request === limit || request === undefined) continue;
    const order = orderOf(request, limit);
    if (order === 0) continue;
    const at = path.child('requests');
    if (!isOvercommitAllowed(name)) {
      const detail = `must be equal to ${name} limit of ${canonicalQuantity(limit)}`;
      errors.push(invalidValue(at, canonicalQuantity(request), detail));
    } else if (order > 0) {
      const detail = `must be less than or equal to ${name} limit of ${canonicalQuantity(limit)}`;
      errors.push(invalidValue(at, canonicalQuantity(request), detail));
    }
  }
}

/** 0 as well when either is no quantity, which has its own error. */
function orderOf(a: string | number, b: string | number): number {
  if (!isQuantity(a) || !isQuantity(b)) return 0;
  return compareQuantity(parseQuantity(a), parseQuantity(b));
}

function needsCpuOrMemory(limits: ResourceList, requests: ResourceList): boolean {
  for (const list of [limits, requests]) if ('cpu' in list || 'memory' in list) return false;
  return Object.keys(limits).some(isHugePages) || Object.keys(requests).some(isHugePages);
}

function validateClaims(
  { claims = [] }: ResourceRequirements,
  known: ReadonlySet<string>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const seen = new Set<string>();
  claims.forEach((claim, index) => {
    const at = path.at('claims', index);
    if (!claim.name) {
      errors.push(required(at));
      return;
    }
    const key = claim.request ? `${claim.name}/${claim.request}` : claim.name;
    if (seen.has(claim.name)) errors.push(duplicate(at, claim.name));
    else if (seen.has(key)) errors.push(duplicate(at, key));
    seen.add(key);
    if (known.has(claim.name)) return;
    const names = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
    const detail = `must be one of the names in pod.spec.resourceClaims${names}`;
    errors.push({ ...notFoundValue(at, claim.name), detail });
  });
}
