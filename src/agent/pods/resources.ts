import { containersTotal } from '../../api/core/v1/containers-total.ts';
import { qosClassOf } from '../../api/core/v1/pod-qos.ts';
import type { Container, Pod } from '../../api/core/v1/types.generated.ts';
import { quantityToNumber } from '../../machinery/quantity.ts';
import type { LinuxResources } from '../runtime/contract.ts';

const sharesPerCpu = 1024;
const sharesMin = 2;
const sharesMax = 262_144;
const quotaPeriodMicros = 100_000;
const quotaMinMicros = 1_000;
const guaranteedOomScore = -997;
const systemCriticalPriority = 2_000_000_000;

type ResourceList = Readonly<Record<string, string | number>>;

/** Milli-CPUs of a quantity, rounded up; the epsilon undoes binary fractions such as 0.1 x 1000. */
export function milliCpu(value: string | number | undefined): number {
  return Math.ceil(quantityToNumber(value) * 1000 - 1e-6);
}

export function requestOf(container: Container, name: string): number {
  const { requests, limits } = container.resources ?? {};
  return quantityToNumber(requests?.[name] ?? limits?.[name]);
}

export function linuxResources(pod: Pod, container: Container, nodeMemoryBytes: number, pidsLimit = 0): LinuxResources {
  const limits: ResourceList = container.resources?.limits ?? {};
  const cpuLimit = milliCpu(limits['cpu']);
  const cpuRequest = Math.ceil(requestOf(container, 'cpu') * 1000 - 1e-6);
  return {
    cpuShares: Math.min(sharesMax, Math.max(sharesMin, Math.floor((cpuRequest * sharesPerCpu) / 1000))),
    cpuQuotaMicros: cpuLimit === 0 ? 0 : Math.max(quotaMinMicros, (cpuLimit * quotaPeriodMicros) / 1000),
    memoryLimitBytes: Math.floor(quantityToNumber(limits['memory'])),
    oomScoreAdj: oomScoreAdjustment(pod, container, nodeMemoryBytes),
    pidsLimit,
  };
}

/** What an in-place resize changes, as text: equal texts need no update. */
export function resourceMark({ cpuShares, cpuQuotaMicros, memoryLimitBytes }: LinuxResources): string {
  return `${cpuShares}/${cpuQuotaMicros}/${memoryLimitBytes}`;
}

/** Whether the container asked to be started anew for what changed between two marks. */
export function resizeRestarts({ resizePolicy = [] }: Container, before: string, after: string): boolean {
  const [oldShares, oldQuota, oldMemory] = before.split('/');
  const [shares, quota, memory] = after.split('/');
  const changed: Readonly<Record<string, boolean>> = {
    cpu: shares !== oldShares || quota !== oldQuota,
    memory: memory !== oldMemory,
  };
  return resizePolicy.some(
    ({ resourceName, restartPolicy }) => restartPolicy === 'RestartContainer' && changed[resourceName] === true,
  );
}

/** Upstream's pkg/kubelet/qos: the more memory a burstable container asked for, the later it is killed. */
function oomScoreAdjustment(pod: Pod, container: Container, nodeMemoryBytes: number): number {
  if ((pod.spec?.priority ?? 0) >= systemCriticalPriority) return guaranteedOomScore;
  const qos = qosClassOf(pod.spec ?? { containers: [] });
  if (qos === 'Guaranteed') return guaranteedOomScore;
  if (qos === 'BestEffort') return 1000;
  const score = Math.floor(1000 - (1000 * requestOf(container, 'memory')) / nodeMemoryBytes);
  if (score < 1000 + guaranteedOomScore) return 1000 + guaranteedOomScore;
  return score === 1000 ? 999 : score;
}

const arithmetic = { zero: () => 0, add: (sum: number, more: number) => sum + more, larger: Math.max };

/** What a pod takes of a node's resource: what is said of the pod itself, or else of its containers, plus overhead. */
export function podRequest({ spec }: Pod, name: string): number {
  if (spec === undefined) return 0;
  const own = spec.resources?.requests?.[name];
  const total =
    own === undefined
      ? containersTotal(spec, (container) => requestOf(container, name), arithmetic)
      : quantityToNumber(own);
  return total + quantityToNumber(spec.overhead?.[name]);
}
