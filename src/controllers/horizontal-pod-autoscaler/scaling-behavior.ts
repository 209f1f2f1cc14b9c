import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from '../../api/autoscaling/v2/types.generated.ts';

/** A change that was made. */
export interface ScaleEvent {
  readonly change: number;
  /** ms since the epoch */
  readonly at: number;
}

/** What one autoscaler remembers; lost with the process, as upstream. */
export interface ScalingHistory {
  recommendations: { readonly replicas: number; readonly at: number }[];
  ups: ScaleEvent[];
  downs: ScaleEvent[];
}

export interface BehaviorInput {
  readonly current: number;
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  readonly behavior: HorizontalPodAutoscalerBehavior | undefined;
  readonly history: ScalingHistory;
  readonly now: number;
}

export interface BehaviorResult {
  readonly replicas: number;
  /** For the condition `ScalingLimited`. */
  readonly limit: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string };
  /** For `AbleToScale`, when older recommendations hold the change back. */
  readonly stabilized?: { readonly reason: string; readonly message: string };
}

const defaultUp: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const defaultDown: HPAScalingRules = {
  stabilizationWindowSeconds: 300,
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};

/** How fast and how far the wish of the metrics is followed. Notes the wish in the history. */
export function applyBehavior(input: BehaviorInput): BehaviorResult {
  const up = { ...defaultUp, ...input.behavior?.scaleUp };
  const down = { ...defaultDown, ...input.behavior?.scaleDown };
  const { replicas, stabilized } = stabilize(input, up, down);
  const limited = limit({ ...input, desired: replicas }, up, down);
  return { ...limited, ...(stabilized === undefined ? {} : { stabilized }) };
}

function stabilize(
  { current, desired, history, now }: BehaviorInput,
  up: HPAScalingRules,
  down: HPAScalingRules,
): { replicas: number; stabilized?: { reason: string; message: string } } {
  const upAfter = now - (up.stabilizationWindowSeconds ?? 0) * 1000;
  const downAfter = now - (down.stabilizationWindowSeconds ?? 0) * 1000;
  let lowest = desired;
  let highest = desired;
  for (const { replicas, at } of history.recommendations) {
    if (at > upAfter) lowest = Math.min(lowest, replicas);
    if (at > downAfter) highest = Math.max(highest, replicas);
  }
  const oldest = Math.min(upAfter, downAfter);
  history.recommendations = history.recommendations.filter(({ at }) => at > oldest);
  history.recommendations.push({ replicas: desired, at: now });
  let replicas = current;
  if (replicas < lowest) replicas = lowest;
  if (replicas > highest) replicas = highest;
  if (replicas === desired) return { replicas };
  const stabilized =
    desired > current || replicas < desired
      ? {
          reason: 'ScaleUpStabilized',
          message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
        }
      : {
          reason: 'ScaleDownStabilized',
          message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
        };
  return { replicas, stabilized };
}

function limit(
  { current, desired, min, max, history, now }: BehaviorInput,
  up: HPAScalingRules,
  down: HPAScalingRules,
): Pick<BehaviorResult, 'replicas' | 'limit'> {
  const limited = (replicas: number, reason: string, message: string): Pick<BehaviorResult, 'replicas' | 'limit'> => ({
    replicas,
    limit: { status: 'True', reason, message },
  });
  if (desired > current) {
    const allowed = Math.max(current, upLimit(current, up, history, now));
    if (desired > Math.min(allowed, max)) {
      if (allowed < max) {
        return limited(
          allowed,
          'ScaleUpLimit',
          'the desired replica count is increasing faster than the maximum scale rate',
        );
      }
      return limited(max, 'TooManyReplicas', 'the desired replica count is more than the maximum replica count');
    }
  } else if (desired < current) {
    const allowed = Math.min(current, downLimit(current, down, history, now));
    if (desired < Math.max(allowed, min)) {
      if (allowed > min) {
        return limited(
          allowed,
          'ScaleDownLimit',
          'the desired replica count is decreasing faster than the maximum scale rate',
        );
      }
      return limited(min, 'TooFewReplicas', 'the desired replica count is less than the minimum replica count');
    }
  } else if (desired > max) {
    return limited(max, 'TooManyReplicas', 'the desired replica count is more than the maximum replica count');
  } else if (desired < min) {
    return limited(min, 'TooFewReplicas', 'the desired replica count is less than the minimum replica count');
  }
  const message = 'the desired count is within the acceptable range';
  return { replicas: desired, limit: { status: 'False', reason: 'DesiredWithinRange', message } };
}

function upLimit(current: number, rules: HPAScalingRules, { ups, downs }: ScalingHistory, now: number): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = current - changed(ups, periodSeconds, now) + changed(downs, periodSeconds, now);
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

function downLimit(current: number, rules: HPAScalingRules, { ups, downs }: ScalingHistory, now: number): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const start = current - changed(ups, periodSeconds, now) + changed(downs, periodSeconds, now);
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
}

function changed(events: readonly ScaleEvent[], periodSeconds: number, now: number): number {
  let total = 0;
  for (const { change, at } of events) if (at > now - periodSeconds * 1000) total += change;
  return total;
}

/** What is older than any policy looks at is forgotten. */
const periodMsMax = 1_800_000;

export function noteScale(history: ScalingHistory, before: number, after: number, now: number): void {
  const recent = ({ at }: ScaleEvent): boolean => at > now - periodMsMax;
  history.ups = history.ups.filter(recent);
  history.downs = history.downs.filter(recent);
  if (after > before) history.ups.push({ change: after - before, at: now });
  else if (after < before) history.downs.push({ change: before - after, at: now });
}
