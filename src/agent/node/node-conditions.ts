import type { NodeCondition } from '../../api/core/v1/types.generated.ts';

/** What the node's conditions are made of. */
export interface NodeObservation {
  readonly runtime: { readonly ready: boolean; readonly message: string };
  readonly networkReady: boolean;
  readonly memoryPressure: boolean;
  readonly diskPressure: boolean;
  readonly pidPressure: boolean;
}

type Verdict = Required<Pick<NodeCondition, 'status' | 'reason' | 'message'>>;

/** Upstream's conditions and words; times of transitions are kept from `previous` where nothing changed. */
export function nodeConditions(
  observed: NodeObservation,
  previous: readonly NodeCondition[],
  now: string,
): NodeCondition[] {
  const verdicts: [string, Verdict][] = [
    ['MemoryPressure', pressure(observed.memoryPressure, 'Memory', 'memory')],
    ['DiskPressure', pressure(observed.diskPressure, 'Disk', 'disk')],
    ['PIDPressure', pressure(observed.pidPressure, 'PID', 'PID')],
    ['Ready', ready(observed)],
  ];
  return verdicts.map(([type, verdict]) => {
    const before = previous.find((one) => one.type === type);
    const kept = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    return { type, ...verdict, lastHeartbeatTime: now, lastTransitionTime: kept ?? now };
  });
}

function pressure(present: boolean, prefix: string, word: string): Verdict {
  if (present) {
    const message = `kubelet has insufficient ${word} available`;
    return { status: 'True', reason: `KubeletHasInsufficient${prefix}`, message };
  }
  if (prefix === 'Disk') {
    return { status: 'False', reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure' };
  }
  const message = `kubelet has sufficient ${word} available`;
  return { status: 'False', reason: `KubeletHasSufficient${prefix}`, message };
}

function ready({ runtime, networkReady }: NodeObservation): Verdict {
  const problems: string[] = [];
  if (!runtime.ready) problems.push(`container runtime is down: ${runtime.message}`);
  if (!networkReady) {
    const why = 'reason:NetworkPluginNotReady message:the node has no pod CIDR yet';
    problems.push(`container runtime network not ready: NetworkReady=false ${why}`);
  }
  if (problems.length === 0) {
    return { status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' };
  }
  return { status: 'False', reason: 'KubeletNotReady', message: problems.join(', ') };
}
