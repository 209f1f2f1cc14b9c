import type { ContainerStatus, Pod, PodCondition } from '../../api/core/v1/types.generated.ts';

interface Observed {
  readonly pod: Pod;
  readonly phase: string;
  readonly containers: readonly ContainerStatus[];
  readonly initContainers: readonly ContainerStatus[];
  readonly sandboxReady: boolean;
  /** Why the node ended the pod before its time. */
  readonly evicted: string | undefined;
}

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;
const yes: Verdict = { status: 'True' };

/** Upstream's conditions in upstream's order, with the transition times of `previous` where nothing changed. */
export function podConditions(observed: Observed, previous: readonly PodCondition[], now: string): PodCondition[] {
  const containersReady = containersReadyOf(observed);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: observed.sandboxReady ? 'True' : 'False' }],
    ['Initialized', initializedOf(observed)],
    ['Ready', readyOf(observed, containersReady)],
    ['ContainersReady', containersReady],
    ['PodScheduled', yes],
  ];
  if (observed.evicted !== undefined) {
    verdicts.push(['DisruptionTarget', { ...yes, reason: 'TerminationByKubelet', message: observed.evicted }]);
  }
  const generation = observed.pod.metadata.generation;
  return verdicts.map(([type, verdict]) => {
    const before = previous.find((one) => one.type === type);
    const kept = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    return {
      type,
      ...verdict,
      lastTransitionTime: kept ?? now,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  });
}

function initializedOf({ pod, phase, initContainers, containers }: Observed): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const started = containers.some((one) => one.state?.running !== undefined || one.state?.terminated !== undefined);
  if (started) return yes;
  const incomplete = (pod.spec?.initContainers ?? [])
    .filter(({ name, restartPolicy }) => {
      const status = initContainers.find((one) => one.name === name);
      return restartPolicy === 'Always' ? status?.started !== true : status?.ready !== true;
    })
    .map(({ name }) => name);
  if (incomplete.length === 0) return yes;
  const message = `containers with incomplete status: [${incomplete.join(' ')}]`;
  return { status: 'False', reason: 'ContainersNotInitialized', message };
}

function containersReadyOf({ pod, phase, containers, initContainers }: Observed): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const unready: string[] = [];
  for (const { name, restartPolicy } of pod.spec?.initContainers ?? []) {
    if (restartPolicy !== 'Always') continue;
    if (initContainers.find((one) => one.name === name)?.ready !== true) unready.push(name);
  }
  for (const { name } of pod.spec?.containers ?? []) {
    if (containers.find((one) => one.name === name)?.ready !== true) unready.push(name);
  }
  if (unready.length === 0) return yes;
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { status: 'False', reason: 'ContainersNotReady', message };
}

function readyOf({ pod }: Observed, containersReady: Verdict): Verdict {
  if (containersReady.status !== 'True') return containersReady;
  const problems: string[] = [];
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const gate = pod.status?.conditions?.find((one) => one.type === conditionType);
    if (gate === undefined) {
      problems.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    } else if (gate.status !== 'True') {
      problems.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`);
    }
  }
  if (problems.length === 0) return yes;
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: problems.join(', ') };
}
