import type { Lease } from '../../api/coordination/v1/types.generated.ts';
import type { Node, NodeCondition, Taint } from '../../api/core/v1/types.generated.ts';
import { rfc3339 } from '../../machinery/time.ts';

/** Conditions that a silent node no longer vouches for. */
const vouchedFor = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** When a node was last heard of, by our own clock: clocks of hosts need not agree. */
export class Heartbeats {
  private readonly seen = new Map<string, { mark: string; at: number }>();

  /** Milliseconds since the node's Lease or status last changed; 0 when it is seen for the first time. */
  silenceMs(node: Node, lease: Lease | undefined, now: number): number {
    const mark = `${lease?.spec.renewTime ?? ''}|${readyOf(node)?.lastHeartbeatTime ?? ''}`;
    const last = this.seen.get(node.metadata.name);
    if (last === undefined || last.mark !== mark) {
      this.seen.set(node.metadata.name, { mark, at: now });
      return 0;
    }
    return now - last.at;
  }

  forget(name: string): void {
    this.seen.delete(name);
  }
}

export function readyOf(node: Node): NodeCondition | undefined {
  return node.status?.conditions?.find(({ type }) => type === 'Ready');
}

/** The conditions of a node that has fallen silent; undefined when they say so already. */
export function silentConditions(node: Node, now: number): NodeCondition[] | undefined {
  const conditions = node.status?.conditions ?? [];
  const kept = conditions.filter(({ type }) => !vouchedFor.includes(type));
  let changed = false;
  const unknown = vouchedFor.map((type): NodeCondition => {
    const old = conditions.find((condition) => condition.type === type);
    if (old?.status === 'Unknown') return old;
    changed = true;
    return {
      type,
      status: 'Unknown',
      reason: old === undefined ? 'NodeStatusNeverUpdated' : 'NodeStatusUnknown',
      message: old === undefined ? 'Kubelet never posted node status.' : 'Kubelet stopped posting node status.',
      lastHeartbeatTime: old?.lastHeartbeatTime ?? node.metadata.creationTimestamp ?? rfc3339(now),
      lastTransitionTime: rfc3339(now),
    };
  });
  return changed ? [...kept, ...unknown] : undefined;
}

const notReadyTaint = 'node.kubernetes.io/not-ready';
const unreachableTaint = 'node.kubernetes.io/unreachable';
const unschedulableTaint = 'node.kubernetes.io/unschedulable';
/** Condition that is true -> taint that keeps pods away. */
const pressureTaints: readonly (readonly [condition: string, key: string])[] = [
  ['MemoryPressure', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'node.kubernetes.io/disk-pressure'],
  ['PIDPressure', 'node.kubernetes.io/pid-pressure'],
  ['NetworkUnavailable', 'node.kubernetes.io/network-unavailable'],
];
const ourTaints: ReadonlySet<string> = new Set([
  notReadyTaint,
  unreachableTaint,
  unschedulableTaint,
  ...pressureTaints.map(([, key]) => key),
]);

/** The taints that the node's state asks for, with all that are not ours; undefined when it has them. */
export function taintsFor(node: Node, now: number): Taint[] | undefined {
  const present = node.spec?.taints ?? [];
  const wanted = wantedTaints(node);
  const isWanted = ({ key, effect }: Taint): boolean =>
    wanted.some((taint) => taint.key === key && taint.effect === effect);
  const kept = present.filter((taint) => !ourTaints.has(taint.key) || isWanted(taint));
  const added = wanted
    .filter(({ key, effect }) => !present.some((taint) => taint.key === key && taint.effect === effect))
    .map(({ key, effect }) => ({ key, effect, timeAdded: rfc3339(now) }));
  return kept.length === present.length && added.length === 0 ? undefined : [...kept, ...added];
}

function wantedTaints(node: Node): { key: string; effect: string }[] {
  const wanted: { key: string; effect: string }[] = [];
  const both = (key: string): void => {
    for (const effect of ['NoSchedule', 'NoExecute']) wanted.push({ key, effect });
  };
  const ready = readyOf(node);
  if (ready?.status === 'False') both(notReadyTaint);
  else if (ready?.status === 'Unknown') both(unreachableTaint);
  // A node that has not spoken yet: nothing goes there, and nothing there is sent away.
  else if (ready === undefined) wanted.push({ key: notReadyTaint, effect: 'NoSchedule' });
  if (node.spec?.unschedulable === true) wanted.push({ key: unschedulableTaint, effect: 'NoSchedule' });
  for (const [type, key] of pressureTaints) {
    const condition = node.status?.conditions?.find((candidate) => candidate.type === type);
    if (condition?.status === 'True') wanted.push({ key, effect: 'NoSchedule' });
  }
  return wanted;
}
