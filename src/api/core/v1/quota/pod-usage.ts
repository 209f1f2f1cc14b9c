import { type Quantity, quantityOf } from '../../../../machinery/quantity.ts';
import { type Arithmetic, containersTotal } from '../containers-total.ts';
import type { ResourceList } from '../resource-list.ts';
import type { Container, Pod, PodSpec } from '../types.generated.ts';
import { type Amounts, addAmounts, amountsOf, raiseTo } from './amounts.ts';

const computeNames = new Set(['cpu', 'memory', 'ephemeral-storage']);
/** What a quota can demand that every container says. */
const demandable = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

/** What a pod counts for in a quota: pkg/quota/v1/evaluator/core.PodUsageFunc. */
export function podUsage(pod: Pod, now: number): Amounts {
  const usage: Amounts = new Map([['count/pods', quantityOf(1)]]);
  if (!isRunningOn(pod, now)) return usage;
  usage.set('pods', quantityOf(1));
  for (const [name, amount] of podTotal(pod.spec, 'requests')) {
    if (computeNames.has(name) || name.startsWith('hugepages-')) usage.set(name, amount);
    if (isCounted(name)) usage.set(`requests.${name}`, amount);
  }
  for (const [name, amount] of podTotal(pod.spec, 'limits')) {
    if (computeNames.has(name)) usage.set(`limits.${name}`, amount);
  }
  return usage;
}

/** Without a domain only what a quota knows by name; devices all. */
function isCounted(name: string): boolean {
  return (
    computeNames.has(name) || name.startsWith('hugepages-') || (name.includes('/') && !name.includes('kubernetes.io/'))
  );
}

/** A pod that has ended, or should have by now, needs nothing any more. */
export function isRunningOn({ metadata, status }: Pod, now: number): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return now <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

const arithmetic: Arithmetic<Amounts> = { zero: () => new Map(), add: addAmounts, larger: raiseTo };

/** What a pod needs as a whole: its containers' total, with what is said of the pod itself, and its overhead. */
export function podTotal(spec: PodSpec, field: 'requests' | 'limits'): Amounts {
  const of = ({ resources }: Container): Amounts => amountsOf(resources?.[field] as ResourceList | undefined);
  const total = containersTotal(spec, of, arithmetic);
  for (const [name, amount] of amountsOf(spec.resources?.[field] as ResourceList | undefined)) total.set(name, amount);
  addOverhead(total, amountsOf(spec.overhead as ResourceList | undefined), field);
  return total;
}

/** Overhead comes on top of limits only where there is a limit. */
function addOverhead(total: Amounts, overhead: Amounts, field: 'requests' | 'limits'): void {
  const added = [...overhead].filter(([name]) => field === 'requests' || total.has(name));
  addAmounts(total, new Map<string, Quantity>(added));
}

/** `limits.cpu for: a,b`: what the quota counts and the pod does not say; empty when all is said. */
export function unsaidResources(pod: Pod, counted: readonly string[]): string {
  const wanted = counted.filter((name) => demandable.has(name));
  if (wanted.length === 0) return '';
  const missing = new Map<string, string[]>();
  for (const container of [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])]) {
    const { requests, limits } = container.resources ?? {};
    for (const name of wanted) {
      const isLimit = name.startsWith('limits.');
      const resource = name.replace(/^(?:limits|requests)\./, '');
      const said = (isLimit ? limits : requests)?.[resource] ?? podLevel(pod.spec, isLimit)?.[resource];
      if (said === undefined) missing.set(name, [...(missing.get(name) ?? []), container.name]);
    }
  }
  return [...missing.keys()]
    .sort()
    .map((name) => `${name} for: ${(missing.get(name) ?? []).join(',')}`)
    .join('; ');
}

function podLevel({ resources }: PodSpec, isLimit: boolean): ResourceList | undefined {
  return (isLimit ? resources?.limits : resources?.requests) as ResourceList | undefined;
}
