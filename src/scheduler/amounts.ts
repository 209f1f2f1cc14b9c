import { containersTotal } from '../api/core/v1/containers-total.ts';
import type { Container, Pod } from '../api/core/v1/types.generated.ts';
import { quantityToNumber } from '../machinery/quantity.ts';

/** What is asked of a node or offered by it, in the units upstream's scheduler counts in. Owner may change it. */
export interface Amounts {
  milliCpu: number;
  /** bytes */
  memory: number;
  /** bytes */
  ephemeralStorage: number;
  /** Extended resources and huge pages by name; absent when there are none, which is nearly always. */
  scalars: Map<string, number> | undefined;
}

type QuantityMap = Readonly<Record<string, number | string>> | undefined;

/** What a container that asks for nothing counts as when nodes are scored (not when they are filtered). */
const assumedRequest = { milliCpu: 100, memory: 200 * 1024 * 1024 };

export function emptyAmounts(): Amounts {
  return { milliCpu: 0, memory: 0, ephemeralStorage: 0, scalars: undefined };
}

export function amountsOf(list: QuantityMap): Amounts {
  const amounts = emptyAmounts();
  for (const name in list) {
    const quantity = list[name];
    if (quantity !== undefined) setAmount(amounts, name, quantity);
  }
  return amounts;
}

/** Changes `to`, and answers it. */
export function addAmounts(to: Amounts, more: Amounts, sign: 1 | -1 = 1): Amounts {
  to.milliCpu += sign * more.milliCpu;
  to.memory += sign * more.memory;
  to.ephemeralStorage += sign * more.ephemeralStorage;
  if (more.scalars === undefined) return to;
  to.scalars ??= new Map();
  for (const [name, value] of more.scalars) to.scalars.set(name, (to.scalars.get(name) ?? 0) + sign * value);
  return to;
}

/**
 * What a pod needs of its node (k8s.io/component-helpers/resource PodRequests): its containers' total, pod-level
 * requests taking precedence, plus the runtime's overhead.
 */
export function podRequest(pod: Pod): Amounts {
  return aggregate(pod, (container) => containerRequest(container, pod));
}

/** As `podRequest`, with a guess for containers that name no cpu or memory, so that they are spread too. */
export function podScoringRequest(pod: Pod): Amounts {
  return aggregate(pod, (container) => {
    const amounts = containerRequest(container, pod);
    const named = container.resources?.requests;
    if (named?.['cpu'] === undefined) amounts.milliCpu = assumedRequest.milliCpu;
    if (named?.['memory'] === undefined) amounts.memory = assumedRequest.memory;
    return amounts;
  });
}

const arithmetic = {
  zero: emptyAmounts,
  add: (sum: Amounts, more: Amounts) => addAmounts(sum, more),
  larger: raiseTo,
};

function aggregate(pod: Pod, requestOf: (container: Container) => Amounts): Amounts {
  const { spec } = pod;
  if (spec === undefined) return emptyAmounts();
  const total = containersTotal(spec, requestOf, arithmetic);
  overrideByPodLevel(total, spec.resources?.requests);
  if (spec.overhead !== undefined) addAmounts(total, amountsOf(spec.overhead));
  return total;
}

function overrideByPodLevel(total: Amounts, requests: QuantityMap): void {
  for (const name in requests) {
    const quantity = requests[name];
    if (quantity !== undefined && isPodLevelResource(name)) setAmount(total, name, quantity);
  }
}

function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

/** While a resize is under way the node holds the larger of what is asked and what is given. */
function containerRequest(container: Container, pod: Pod): Amounts {
  const asked = amountsOf(container.resources?.requests);
  const statuses = pod.status?.containerStatuses;
  if (statuses === undefined) return asked;
  const status = statuses.find((one) => one.name === container.name);
  if (status?.allocatedResources !== undefined) raiseTo(asked, amountsOf(status.allocatedResources));
  if (status?.resources?.requests !== undefined) raiseTo(asked, amountsOf(status.resources.requests));
  return asked;
}

function setAmount(amounts: Amounts, name: string, quantity: number | string): void {
  const value = quantityToNumber(quantity);
  switch (name) {
    case 'cpu':
      amounts.milliCpu = roundUp(value * 1000);
      break;
    case 'memory':
      amounts.memory = roundUp(value);
      break;
    case 'ephemeral-storage':
      amounts.ephemeralStorage = roundUp(value);
      break;
    case 'pods':
      break;
    default:
      amounts.scalars ??= new Map();
      amounts.scalars.set(name, roundUp(value));
  }
}

/** Quantities round up to whole units; a value off by a float's error (0.1 * 1000) is the whole one. */
function roundUp(value: number): number {
  const nearest = Math.round(value);
  return Math.abs(value - nearest) < 1e-6 ? nearest : Math.ceil(value);
}

function raiseTo(amounts: Amounts, floor: Amounts): Amounts {
  amounts.milliCpu = Math.max(amounts.milliCpu, floor.milliCpu);
  amounts.memory = Math.max(amounts.memory, floor.memory);
  amounts.ephemeralStorage = Math.max(amounts.ephemeralStorage, floor.ephemeralStorage);
  if (floor.scalars === undefined) return amounts;
  amounts.scalars ??= new Map();
  for (const [name, value] of floor.scalars) {
    amounts.scalars.set(name, Math.max(amounts.scalars.get(name) ?? 0, value));
  }
  return amounts;
}
