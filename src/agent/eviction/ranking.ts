import type { Pod } from '../../api/core/v1/types.generated.ts';
import { podRequest, requestOf } from '../pods/resources.ts';

const systemCriticalPriority = 2_000_000_000;

export interface PodUsage {
  readonly pod: Pod;
  /** Bytes of the resource that is short, by container. */
  readonly containers: ReadonlyMap<string, number>;
}

/** Who goes first: those above their request, then by priority, then by how far above. Critical pods never; pure. */
export function rankForEviction(usages: readonly PodUsage[], resource: string): PodUsage[] {
  const excess = (usage: PodUsage): number => totalOf(usage) - podRequest(usage.pod, resource);
  return usages
    .filter(({ pod }) => (pod.spec?.priority ?? 0) < systemCriticalPriority)
    .sort(
      (a, b) =>
        Number(excess(b) > 0) - Number(excess(a) > 0) ||
        (a.pod.spec?.priority ?? 0) - (b.pod.spec?.priority ?? 0) ||
        excess(b) - excess(a),
    );
}

export function totalOf({ containers }: PodUsage): number {
  let total = 0;
  for (const bytes of containers.values()) total += bytes;
  return total;
}

/** Upstream's words for a pod that goes because the node runs short. */
export function evictionMessage(
  { pod, containers }: PodUsage,
  short: { resource: string; thresholdBytes?: number; availableBytes?: number },
): string {
  const { resource, thresholdBytes, availableBytes } = short;
  let message = `The node was low on resource: ${resource}. `;
  if (thresholdBytes !== undefined && availableBytes !== undefined) {
    message += `Threshold quantity: ${kibibytes(thresholdBytes)}, available: ${kibibytes(availableBytes)}. `;
  }
  for (const container of pod.spec?.containers ?? []) {
    const used = containers.get(container.name);
    const request = requestOf(container, resource);
    if (used === undefined || used <= request) continue;
    const asked = request === 0 ? '0' : kibibytes(request);
    message += `Container ${container.name} was using ${kibibytes(used)}, request is ${asked}, has larger consumption of ${resource}. `;
  }
  return message;
}

function kibibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024)}Ki`;
}
