import { addQuantity, compareQuantity, isQuantity, parseQuantity, type Quantity } from '../../../machinery/quantity.ts';
import type { ResourceList } from './resource-list.ts';
import type { PodSpec, ResourceRequirements } from './types.generated.ts';

export type QosClass = 'BestEffort' | 'Burstable' | 'Guaranteed';

const computeNames = ['cpu', 'memory'] as const;

/**
 * As pkg/apis/core/v1/helper/qos. A limit counts as the request that is not given, so the answer is the same before and
 * after defaults.
 */
export function qosClassOf(spec: PodSpec): QosClass {
  const asked = resourcesOf(spec);
  if (!asked.some(hasAmounts)) return 'BestEffort';
  const requests = new Map<string, Quantity>();
  const limits = new Map<string, Quantity>();
  let isGuaranteed = true;
  for (const resources of asked) {
    for (const name of computeNames) {
      const limit = resources?.limits?.[name];
      const request = resources?.requests?.[name] ?? limit;
      add(requests, name, request);
      if (!add(limits, name, limit)) isGuaranteed = false;
    }
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  if (!isGuaranteed || requests.size !== limits.size) return 'Burstable';
  for (const [name, request] of requests) {
    const limit = limits.get(name);
    if (limit === undefined || compareQuantity(limit, request) !== 0) return 'Burstable';
  }
  return 'Guaranteed';
}

function resourcesOf(spec: PodSpec): (ResourceRequirements | undefined)[] {
  if (spec.resources && hasAmounts(spec.resources)) return [spec.resources];
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  return containers.map((container) => container.resources);
}

function hasAmounts(resources: ResourceRequirements | undefined): boolean {
  return resources !== undefined && resources !== null && (isSome(resources.limits) || isSome(resources.requests));
}

function isSome(list: ResourceList | undefined): boolean {
  return list !== undefined && list !== null && (list['cpu'] !== undefined || list['memory'] !== undefined);
}

function add(sums: Map<string, Quantity>, name: string, amount: string | number | undefined): boolean {
  if (!isQuantity(amount)) return false;
  const quantity = parseQuantity(amount);
  if (quantity.nanos <= 0n) return false;
  const before = sums.get(name);
  sums.set(name, before === undefined ? quantity : addQuantity(before, quantity));
  return true;
}
