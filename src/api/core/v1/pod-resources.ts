import {
  addQuantity,
  canonicalQuantity,
  compareQuantity,
  formatQuantity,
  isQuantity,
  parseQuantity,
} from '../../../machinery/quantity.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { type FieldPath, forbiddenField, invalidValue } from '../../field-errors.ts';
import { validateContainerResources } from './container-resources.ts';
import type { ResourceList } from './resource-list.ts';
import type { Container, PodSpec } from './types.generated.ts';

/** What all containers ask for together, by resource. */
export function sumOfRequests(containers: readonly Container[]): ResourceList {
  const sum: ResourceList = {};
  for (const container of containers) {
    const requests = container.resources?.requests ?? {};
    for (const name of Object.keys(requests)) {
      const amount = requests[name];
      if (!isQuantity(amount)) continue;
      const before = sum[name];
      sum[name] =
        before === undefined ? amount : formatQuantity(addQuantity(parseQuantity(before), parseQuantity(amount)));
    }
  }
  return sum;
}

const noClaims: ReadonlySet<string> = new Set();

/** The resources of the pod as a whole: its containers must fit into them. */
export function validatePodLevelResources(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const { resources } = spec;
  if (resources === undefined || resources === null) return;
  const { claims, ...amounts } = resources;
  if (claims) errors.push(forbiddenField(path.child('claims'), 'claims cannot be set for Resources at pod-level'));
  validateContainerResources(amounts, noClaims, path, errors);
  const asked = sumOfRequests(spec.containers ?? []);
  for (const name of Object.keys(asked)) {
    const sum = asked[name] ?? '0';
    const given = amounts.requests?.[name] ?? '0';
    if (!isMore(sum, given)) continue;
    const detail = `must be greater than or equal to aggregate container requests of ${canonicalQuantity(sum)}`;
    errors.push(invalidValue(path.child('requests').key(name), canonicalQuantity(given), detail));
  }
  spec.containers?.forEach(({ resources: own }, index) => {
    for (const name of Object.keys(own?.limits ?? {})) {
      const limit = own?.limits?.[name];
      const given = amounts.limits?.[name];
      if (limit === undefined || given === undefined || !isMore(limit, given)) continue;
      const at = path.at('containers', index).key(name).child('limits');
      const detail = `must be less than or equal to pod limits of ${canonicalQuantity(given)}`;
      errors.push(invalidValue(at, canonicalQuantity(limit), detail));
    }
  });
}

/** False as well when either is no quantity, which has its own error. */
function isMore(a: string | number, b: string | number): boolean {
  return isQuantity(a) && isQuantity(b) && compareQuantity(parseQuantity(a), parseQuantity(b)) > 0;
}
