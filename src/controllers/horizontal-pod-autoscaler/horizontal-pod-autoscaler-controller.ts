import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
} from '../../api/autoscaling/v2/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { horizontalPodAutoscalers } from '../../api/resource-types.ts';
import { type Client, createWorkQueue, type EventRecorder, type Informer } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { parseLabelSelector } from '../../machinery/labels.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { messageOf } from '../pods/pod-control.ts';
import { podIndex } from '../pods/pod-index.ts';
import { MetricFailure, type Proposal, proposalOf } from './metric-proposal.ts';
import { MetricsClient } from './metrics-client.ts';
import { ScaleClient, type TargetScale } from './scale-client.ts';
import { applyBehavior, noteScale, type ScalingHistory } from './scaling-behavior.ts';

const syncPeriodMs = 15_000;

/**
 * Keeps the replicas of workloads as their metrics ask. Inputs: HorizontalPodAutoscalers, Pods, metrics APIs, the
 * targets' `scale`. Outputs: `scale`, status.
 */
export function horizontalPodAutoscalerController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const informer = informers.informer(horizontalPodAutoscalers);
  const pods = podIndex(informers).informer;
  const recorder = context.recorder('horizontal-pod-autoscaler');
  const metrics = new MetricsClient(client);
  const scales = new ScaleClient(client);
  const histories = new Map<string, ScalingHistory>();
  informer.addHandler({
    added: (autoscaler) => queue.add(objectKey(autoscaler)),
    updated: (old, autoscaler) => {
      // Its own status changes with every look; only a new wish is looked at before its time.
      if (!equal(old.spec, autoscaler.spec)) queue.add(objectKey(autoscaler));
    },
    deleted: (autoscaler) => histories.delete(objectKey(autoscaler)),
  });
  return {
    name: 'horizontal-pod-autoscaler',
    queue,
    async reconcile(key) {
      const autoscaler = informer.get(key);
      if (autoscaler === undefined || autoscaler.metadata.deletionTimestamp !== undefined) return undefined;
      const history = histories.get(key) ?? { recommendations: [], ups: [], downs: [] };
      histories.set(key, history);
      await new AutoscalerSync({ client, recorder, pods, metrics, scales }, autoscaler, history).run(Date.now());
      return { requeueAfterMs: syncPeriodMs };
    },
  };
}

interface Means {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly pods: Informer<Pod>;
  readonly metrics: MetricsClient;
  readonly scales: ScaleClient;
}

type Condition = Omit<HorizontalPodAutoscalerCondition, 'lastTransitionTime' | 'type'>;

class AutoscalerSync {
  private readonly means: Means;
  private readonly autoscaler: HorizontalPodAutoscaler;
  private readonly history: ScalingHistory;
  private readonly conditions = new Map<string, Condition>();

  constructor(means: Means, autoscaler: HorizontalPodAutoscaler, history: ScalingHistory) {
    this.means = means;
    this.autoscaler = autoscaler;
    this.history = history;
  }

  async run(now: number): Promise<void> {
    const { autoscaler } = this;
    let scale: TargetScale;
    try {
      scale = await this.means.scales.get(autoscaler);
    } catch (error) {
      const message = `the HPA controller was unable to get the target's current scale: ${messageOf(error)}`;
      this.set('AbleToScale', 'False', 'FailedGetScale', message);
      this.means.recorder.event(autoscaler, 'Warning', 'FailedGetScale', messageOf(error));
      await this.writeStatus({ desiredReplicas: autoscaler.status?.desiredReplicas ?? 0 }, now);
      return;
    }
    this.set(
      'AbleToScale',
      'True',
      'SucceededGetScale',
      "the HPA controller was able to get the target's current scale",
    );
    const current = scale.specReplicas;
    const decision = await this.decide(scale, now);
    let desired = decision.desired;
    let lastScaleTime = autoscaler.status?.lastScaleTime;
    if (desired !== current) {
      try {
        await this.means.scales.set(scale, desired);
      } catch (error) {
        const message = `the HPA controller was unable to update the target scale: ${messageOf(error)}`;
        this.set('AbleToScale', 'False', 'FailedUpdateScale', message);
        this.means.recorder.event(
          autoscaler,
          'Warning',
          'FailedRescale',
          `New size: ${desired}; reason: ${decision.reason}; error: ${messageOf(error)}`,
        );
        await this.writeStatus({ currentReplicas: scale.statusReplicas, desiredReplicas: current }, now);
        throw error;
      }
      noteScale(this.history, current, desired, now);
      lastScaleTime = rfc3339(now);
      this.set(
        'AbleToScale',
        'True',
        'SucceededRescale',
        `the HPA controller was able to update the target scale to ${desired}`,
      );
      this.means.recorder.event(
        autoscaler,
        'Normal',
        'SuccessfulRescale',
        `New size: ${desired}; reason: ${decision.reason}`,
      );
    } else desired = current;
    await this.writeStatus(
      {
        currentReplicas: scale.statusReplicas,
        desiredReplicas: desired,
        ...(lastScaleTime === undefined ? {} : { lastScaleTime }),
        ...(decision.proposals.length === 0 ? {} : { currentMetrics: decision.proposals.map(({ status }) => status) }),
      },
      now,
    );
  }

  private async decide(
    scale: TargetScale,
    now: number,
  ): Promise<{ desired: number; reason: string; proposals: readonly Proposal[] }> {
    const { minReplicas: min = 1, maxReplicas: max } = this.autoscaler.spec;
    const current = scale.specReplicas;
    if (current === 0 && min !== 0) {
      const message = 'scaling is disabled since the replica count of the target is zero';
      this.set('ScalingActive', 'False', 'ScalingDisabled', message);
      return { desired: 0, reason: '', proposals: [] };
    }
    const { wished, proposals, name } = await this.ask(scale, now);
    const bounded = (desired: number, reason: string) => ({ desired, reason, proposals });
    if (current > max) return bounded(max, 'Current number of replicas above Spec.MaxReplicas');
    if (current < min) return bounded(min, 'Current number of replicas below Spec.MinReplicas');
    if (wished === undefined) return bounded(current, '');
    const { behavior } = this.autoscaler.spec;
    const { history } = this;
    const { replicas, limit, stabilized } = applyBehavior({
      current,
      desired: wished,
      min,
      max,
      behavior,
      history,
      now,
    });
    if (stabilized === undefined) {
      this.set('AbleToScale', 'True', 'ReadyForNewScale', 'recommended size matches current size');
    } else this.set('AbleToScale', 'True', stabilized.reason, stabilized.message);
    this.set('ScalingLimited', limit.status, limit.reason, limit.message);
    return bounded(replicas, replicas > current ? `${name} above target` : 'All metrics below target');
  }

  /** The greatest of the metrics' wishes. One that fails holds back a wish for less, never one for more. */
  private async ask(
    scale: TargetScale,
    now: number,
  ): Promise<{ wished: number | undefined; proposals: Proposal[]; name: string }> {
    const { autoscaler } = this;
    const selector = parseLabelSelector(scale.selector);
    const pods = this.means.pods
      .list(autoscaler.metadata.namespace)
      .filter(({ metadata }) => selector.matches(metadata.labels));
    const current = scale.specReplicas;
    const facts = { autoscaler, current, pods, selector: scale.selector, metrics: this.means.metrics, now };
    const proposals: Proposal[] = [];
    let failure: MetricFailure | undefined;
    for (const spec of autoscaler.spec.metrics ?? []) {
      try {
        proposals.push(await proposalOf(spec, facts));
      } catch (error) {
        if (!(error instanceof MetricFailure)) throw error;
        failure ??= error;
        this.means.recorder.event(autoscaler, 'Warning', error.reason, error.message);
      }
    }
    const greatest = proposals.reduce<Proposal | undefined>(
      (best, proposal) => (best === undefined || proposal.replicas > best.replicas ? proposal : best),
      undefined,
    );
    if (failure !== undefined && (greatest === undefined || greatest.replicas <= current)) {
      const message = `the HPA was unable to compute the replica count: ${failure.message}`;
      this.set('ScalingActive', 'False', failure.reason, message);
      return { wished: undefined, proposals, name: '' };
    }
    const name = greatest?.name ?? '';
    const message = `the HPA was able to successfully calculate a replica count from ${name}`;
    this.set('ScalingActive', 'True', 'ValidMetricFound', message);
    return { wished: greatest?.replicas, proposals, name };
  }

  private set(type: string, status: string, reason: string, message: string): void {
    this.conditions.set(type, { status, reason, message });
  }

  private async writeStatus(facts: HorizontalPodAutoscalerStatus, now: number): Promise<void> {
    const { autoscaler } = this;
    const old = autoscaler.status?.conditions ?? [];
    const conditions = new Map(old.map((condition) => [condition.type, condition]));
    for (const [type, condition] of this.conditions) {
      const before = conditions.get(type);
      const isSame = before?.status === condition.status && before.lastTransitionTime !== undefined;
      const lastTransitionTime = isSame ? (before.lastTransitionTime ?? '') : rfc3339(now);
      conditions.set(type, { type, ...condition, lastTransitionTime });
    }
    const { generation } = autoscaler.metadata;
    const status: HorizontalPodAutoscalerStatus = {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...(autoscaler.status?.lastScaleTime === undefined ? {} : { lastScaleTime: autoscaler.status.lastScaleTime }),
      ...facts,
      conditions: [...conditions.values()],
    };
    if (equal(status, autoscaler.status ?? {})) return;
    try {
      await this.means.client.resource(horizontalPodAutoscalers).updateStatus({ ...autoscaler, status });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
