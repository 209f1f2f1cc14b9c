import type { Pod } from '../../api/core/v1/types.generated.ts';
import { milliValue, parseQuantity } from '../../machinery/quantity.ts';
import { podCondition } from '../pods/pod-state.ts';

/** What one pod uses of a resource or says of itself, in thousandths. */
export interface PodMeasurement {
  readonly milli: number;
  /** End of what was measured, ms since the epoch. */
  readonly at: number;
  readonly windowMs: number;
}

export interface CalculationInput {
  readonly current: number;
  readonly pods: readonly Pod[];
  readonly measurements: ReadonlyMap<string, PodMeasurement>;
  /** How far from the target is still on it: 0.1 is a tenth, upwards and downwards. */
  readonly tolerance: { readonly up: number; readonly down: number };
  /** A pod that starts says nothing yet of its need of CPU. */
  readonly isCpu: boolean;
  readonly now: number;
}

export interface Calculation {
  readonly replicas: number;
  /** Per cent of requests; only where the target is one. */
  readonly utilization?: number;
  /** Thousandths a pod. */
  readonly average: number;
}

const initializationMs = 300_000;
const initialReadinessMs = 30_000;

/** Thrown where no number can be had; its message goes into a condition. */
export class NoMetricError extends Error {
  override readonly name = 'NoMetricError';
}

/** For a target in per cent of what the pods request, in milli-units by pod name. */
export function byUtilization(
  input: CalculationInput,
  requests: ReadonlyMap<string, number>,
  targetPercent: number,
): Calculation {
  const { used, missing, unready, ready } = classify(input);
  const ofRequests = (values: ReadonlyMap<string, number>): { ratio: number; percent: number; average: number } => {
    let [total, requested] = [0, 0];
    for (const [name, milli] of values) {
      const request = requests.get(name);
      if (request === undefined) continue;
      total += milli;
      requested += request;
    }
    if (requested === 0) throw new NoMetricError('no metrics returned matched known pods');
    const percent = Math.trunc((total * 100) / requested);
    return { ratio: percent / targetPercent, percent, average: Math.trunc(total / values.size) };
  };
  const { ratio, percent, average } = ofRequests(used);
  const replicas = settle(input, {
    ratio,
    ready,
    missing,
    unready,
    used,
    // A pod that is not measured is taken to be on target, or beyond it where more than all is the target.
    missingValue: (name) => Math.trunc((Math.max(100, targetPercent) * (requests.get(name) ?? 0)) / 100),
    ratioOf: (values) => ofRequests(values).ratio,
  });
  return { replicas, utilization: percent, average };
}

/** For a target that is an amount a pod, in thousandths. */
export function byAverage(input: CalculationInput, targetMilli: number): Calculation {
  const { used, missing, unready, ready } = classify(input);
  const averageOf = (values: ReadonlyMap<string, number>): number => {
    let total = 0;
    for (const milli of values.values()) total += milli;
    return Math.trunc(total / values.size);
  };
  const average = averageOf(used);
  const replicas = settle(input, {
    ratio: average / targetMilli,
    ready,
    missing,
    unready,
    used,
    missingValue: () => targetMilli,
    ratioOf: (values) => averageOf(values) / targetMilli,
  });
  return { replicas, average };
}

interface Classified {
  readonly used: ReadonlyMap<string, number>;
  readonly missing: readonly string[];
  readonly unready: readonly string[];
  readonly ready: number;
}

/** Which pods' numbers mean something: groupPods of upstream's replica calculator. */
function classify(input: CalculationInput): Classified {
  const used = new Map<string, number>();
  const missing: string[] = [];
  const unready: string[] = [];
  for (const pod of input.pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const phase = pod.status?.phase;
    if (deletionTimestamp !== undefined || phase === 'Failed') continue;
    if (phase === 'Pending') {
      unready.push(name);
      continue;
    }
    const measured = input.measurements.get(name);
    if (measured === undefined) missing.push(name);
    else if (input.isCpu && isStarting(pod, measured, input.now)) unready.push(name);
    else used.set(name, measured.milli);
  }
  if (used.size === 0) throw new NoMetricError('did not receive metrics for targeted pods (pods might be unready)');
  return { used, missing, unready, ready: used.size };
}

function isStarting(pod: Pod, { at, windowMs }: PodMeasurement, now: number): boolean {
  const ready = podCondition(pod, 'Ready');
  const started = Date.parse(pod.status?.startTime ?? '');
  if (ready === undefined || Number.isNaN(started)) return true;
  const changed = Date.parse(ready.lastTransitionTime ?? '') || 0;
  if (started + initializationMs > now) return ready.status === 'False' || at < changed + windowMs;
  return ready.status === 'False' && started + initialReadinessMs > changed;
}

interface Settling extends Classified {
  readonly ratio: number;
  missingValue(name: string): number;
  ratioOf(values: ReadonlyMap<string, number>): number;
}

function settle({ current, tolerance }: CalculationInput, facts: Settling): number {
  const { ratio, ready, missing, unready, used } = facts;
  const isOnTarget = (value: number): boolean => value >= 1 - tolerance.down && value <= 1 + tolerance.up;
  const countsUnready = unready.length > 0 && ratio > 1;
  if (!countsUnready && missing.length === 0) return isOnTarget(ratio) ? current : Math.ceil(ratio * ready);
  // What is not known is assumed so that it makes the change smaller, never larger.
  const assumed = new Map(used);
  if (ratio < 1) for (const name of missing) assumed.set(name, facts.missingValue(name));
  else if (ratio > 1) for (const name of missing) assumed.set(name, 0);
  if (countsUnready) for (const name of unready) assumed.set(name, 0);
  const careful = facts.ratioOf(assumed);
  if (isOnTarget(careful) || (ratio < 1 && careful > 1) || (ratio > 1 && careful < 1)) return current;
  const replicas = Math.ceil(careful * assumed.size);
  if ((careful < 1 && replicas > current) || (careful > 1 && replicas < current)) return current;
  return replicas;
}

/** What each pod requests, in thousandths. Throws where a container says nothing: its use has no measure then. */
export function requestsOf(pods: readonly Pod[], resource: string, container?: string): Map<string, number> {
  const requests = new Map<string, number>();
  for (const pod of pods) {
    const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
    let total = 0;
    for (const { name, resources } of [...(pod.spec?.containers ?? []), ...sidecars]) {
      if (container !== undefined && container !== name) continue;
      const request = resources?.requests?.[resource];
      if (request === undefined) {
        throw new NoMetricError(`missing request for ${resource} in container ${name} of Pod ${pod.metadata.name}`);
      }
      total += milliValue(parseQuantity(request));
    }
    requests.set(pod.metadata.name, total);
  }
  return requests;
}
