import type { Container, PodSpec } from './types.generated.ts';

/** How amounts are put together: plain numbers, or sets of them. Both functions may change and answer their first. */
export interface Arithmetic<A> {
  zero(): A;
  add(sum: A, more: A): A;
  larger(peak: A, other: A): A;
}

/**
 * What the containers of a pod need together (k8s.io/component-helpers/resource.AggregateContainerRequests): all that
 * run in the end, sidecars among them, or an init container beside the sidecars started before it where that is more.
 */
export function containersTotal<A>(
  { containers, initContainers }: PodSpec,
  amountOf: (container: Container) => A,
  { zero, add, larger }: Arithmetic<A>,
): A {
  let total = zero();
  for (const container of containers ?? []) total = add(total, amountOf(container));
  if (initContainers === undefined) return total;
  let sidecars = zero();
  let peak = zero();
  for (const container of initContainers) {
    const step = amountOf(container);
    if (container.restartPolicy === 'Always') {
      total = add(total, step);
      sidecars = add(sidecars, step);
      peak = larger(peak, sidecars);
    } else {
      peak = larger(peak, add(step, sidecars));
    }
  }
  return larger(total, peak);
}
