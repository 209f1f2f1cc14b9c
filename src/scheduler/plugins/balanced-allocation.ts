import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import { type Plugin, scoreMax } from './plugin.ts';

/** Prefers nodes whose cpu and memory would be taken in equal shares. */
export const balancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  retryOn: new Set(),
  score(pod, nodes) {
    const { milliCpu, memory } = pod.request;
    if (milliCpu === 0 && memory === 0) return undefined;
    return nodes.map((node) => balance(pod, node));
  },
};

/** With two resources the standard deviation of their shares is half their distance. */
function balance({ request }: PodInfo, { allocatable, requested }: NodeInfo): number {
  if (allocatable.milliCpu === 0 || allocatable.memory === 0) return scoreMax;
  const cpu = Math.min(1, (requested.milliCpu + request.milliCpu) / allocatable.milliCpu);
  const memory = Math.min(1, (requested.memory + request.memory) / allocatable.memory);
  return Math.floor((1 - Math.abs(cpu - memory) / 2) * scoreMax);
}
