import type {
  HorizontalPodAutoscaler,
  MetricIdentifier,
  MetricSpec,
  MetricStatus,
  MetricTarget,
} from '../../api/autoscaling/v2/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { formatSelector, selectorOf } from '../../machinery/labels.ts';
import { formatQuantity, milliQuantity, milliValue, parseQuantity } from '../../machinery/quantity.ts';
import { messageOf } from '../pods/pod-control.ts';
import type { MetricName, MetricsClient } from './metrics-client.ts';
import { byAverage, byUtilization, type Calculation, type CalculationInput, requestsOf } from './replica-calculator.ts';

/** What one metric wishes. */
export interface Proposal {
  readonly replicas: number;
  /** `cpu resource utilization (percentage of request)` */
  readonly name: string;
  readonly status: MetricStatus;
}

/** A metric that gives no number: the reason of the condition, and its message. */
export class MetricFailure extends Error {
  override readonly name = 'MetricFailure';
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export interface ProposalFacts {
  readonly autoscaler: HorizontalPodAutoscaler;
  readonly current: number;
  readonly pods: readonly Pod[];
  /** Of the target's pods, in the form of a query. */
  readonly selector: string;
  readonly metrics: MetricsClient;
  readonly now: number;
}

const toleranceDefault = 0.1;

/** How many replicas the metric asks for. Throws MetricFailure. */
export async function proposalOf(spec: MetricSpec, facts: ProposalFacts): Promise<Proposal> {
  switch (spec.type) {
    case 'Resource':
      if (spec.resource !== undefined) return resourceProposal(spec, { ...spec.resource, container: undefined }, facts);
      break;
    case 'ContainerResource':
      if (spec.containerResource !== undefined) return resourceProposal(spec, spec.containerResource, facts);
      break;
    case 'Pods':
      if (spec.pods !== undefined) return podsProposal(spec.pods, facts);
      break;
    case 'Object':
      if (spec.object !== undefined) return objectProposal(spec.object, facts);
      break;
    case 'External':
      if (spec.external !== undefined) return externalProposal(spec.external, facts);
      break;
    default:
  }
  throw new MetricFailure('InvalidMetricSourceType', `unknown metric source type "${spec.type}"`);
}

interface ResourceSource {
  readonly name: string;
  readonly container: string | undefined;
  readonly target: MetricTarget;
}

async function resourceProposal(spec: MetricSpec, source: ResourceSource, facts: ProposalFacts): Promise<Proposal> {
  const { name: resource, container, target } = source;
  const what = container === undefined ? `${resource} resource` : `${resource} container resource`;
  try {
    const namespace = facts.autoscaler.metadata.namespace ?? '';
    const measurements = await facts.metrics.resource(namespace, facts.selector, resource, container);
    const input = { ...inputOf(facts), measurements, isCpu: resource === 'cpu' };
    const { averageUtilization } = target;
    const calculation =
      averageUtilization === undefined
        ? byAverage(input, milliOf(target.averageValue))
        : byUtilization(input, requestsOf(facts.pods, resource, container), averageUtilization);
    const current = {
      ...averageOf(calculation),
      ...(calculation.utilization === undefined ? {} : { averageUtilization: calculation.utilization }),
    };
    const status: MetricStatus =
      container === undefined
        ? { type: spec.type, resource: { name: resource, current } }
        : { type: spec.type, containerResource: { name: resource, container, current } };
    const name = averageUtilization === undefined ? what : `${what} utilization (percentage of request)`;
    return { replicas: calculation.replicas, name, status };
  } catch (error) {
    const reason = container === undefined ? 'FailedGetResourceMetric' : 'FailedGetContainerResourceMetric';
    const measure = target.averageUtilization === undefined ? 'usage' : 'utilization';
    throw failure(
      reason,
      `failed to get ${resource} ${measure}: unable to get metrics for resource ${resource}`,
      error,
    );
  }
}

async function podsProposal(
  { metric, target }: NonNullable<MetricSpec['pods']>,
  facts: ProposalFacts,
): Promise<Proposal> {
  try {
    const namespace = facts.autoscaler.metadata.namespace ?? '';
    const measurements = await facts.metrics.ofPods(namespace, facts.selector, nameOf(metric));
    const calculation = byAverage({ ...inputOf(facts), measurements }, milliOf(target.averageValue));
    const status = { type: 'Pods', pods: { metric, current: averageOf(calculation) } };
    return { replicas: calculation.replicas, name: `pods metric ${metric.name}`, status };
  } catch (error) {
    throw failure('FailedGetPodsMetric', `unable to get metric ${metric.name}`, error);
  }
}

async function objectProposal(
  { metric, target, describedObject }: NonNullable<MetricSpec['object']>,
  facts: ProposalFacts,
): Promise<Proposal> {
  try {
    const namespace = facts.autoscaler.metadata.namespace ?? '';
    const resource = resourceNameOf(describedObject);
    const value = await facts.metrics.ofObject(namespace, resource, describedObject.name, nameOf(metric));
    const { replicas, current } = byTotal(value, target, facts);
    const status = { type: 'Object', object: { metric, describedObject, current } };
    return { replicas, name: `${describedObject.kind} metric ${metric.name}`, status };
  } catch (error) {
    throw failure('FailedGetObjectMetric', `unable to get metric ${metric.name}: ${describedObject.kind}`, error);
  }
}

async function externalProposal(
  { metric, target }: NonNullable<MetricSpec['external']>,
  facts: ProposalFacts,
): Promise<Proposal> {
  try {
    const values = await facts.metrics.external(facts.autoscaler.metadata.namespace ?? '', nameOf(metric));
    const total = values.reduce((sum, value) => sum + value, 0);
    const { replicas, current } = byTotal(total, target, facts);
    const selector = metric.selector === undefined ? 'nil' : formatSelector(selectorOf(metric.selector));
    return {
      replicas,
      name: `external metric ${metric.name}(${selector})`,
      status: { type: 'External', external: { metric, current } },
    };
  } catch (error) {
    throw failure(
      'FailedGetExternalMetric',
      `unable to get external metric ${facts.autoscaler.metadata.namespace ?? ''}/${metric.name}`,
      error,
    );
  }
}

/** A metric of the whole: shared out among the pods, or compared as it is. */
function byTotal(
  totalMilli: number,
  { value, averageValue }: MetricTarget,
  facts: ProposalFacts,
): { replicas: number; current: { value?: string; averageValue?: string } } {
  const tolerance = toleranceOf(facts.autoscaler);
  const isOnTarget = (ratio: number): boolean => ratio >= 1 - tolerance.down && ratio <= 1 + tolerance.up;
  const { current } = facts;
  if (averageValue !== undefined) {
    const ratio = totalMilli / (milliOf(averageValue) * Math.max(1, current));
    const replicas = isOnTarget(ratio) ? current : Math.ceil(totalMilli / milliOf(averageValue));
    return { replicas, current: { averageValue: quantityOfMilli(Math.ceil(totalMilli / Math.max(1, current))) } };
  }
  const ratio = totalMilli / milliOf(value);
  const ready = facts.pods.filter(({ status }) =>
    status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
  );
  const replicas = isOnTarget(ratio) ? current : Math.ceil(ratio * ready.length);
  return { replicas, current: { value: quantityOfMilli(totalMilli) } };
}

function inputOf({ autoscaler, current, pods, now }: ProposalFacts): Omit<CalculationInput, 'measurements'> {
  return { current, pods, now, isCpu: false, tolerance: toleranceOf(autoscaler) };
}

function toleranceOf({ spec }: HorizontalPodAutoscaler): { up: number; down: number } {
  const read = (value: number | string | undefined): number =>
    value === undefined ? toleranceDefault : milliValue(parseQuantity(value)) / 1000;
  return { up: read(spec.behavior?.scaleUp?.tolerance), down: read(spec.behavior?.scaleDown?.tolerance) };
}

function averageOf({ average }: Calculation): { averageValue: string } {
  return { averageValue: quantityOfMilli(average) };
}

function quantityOfMilli(milli: number): string {
  return formatQuantity(milliQuantity(milli));
}

function milliOf(value: number | string | undefined): number {
  return milliValue(parseQuantity(value ?? 0));
}

function nameOf({ name, selector }: MetricIdentifier): MetricName {
  return { name, selector: selector === undefined ? '' : formatSelector(selectorOf(selector)) };
}

/** Close enough to the plural for the kinds that metrics are about; the adapter has its own mapping. */
function resourceNameOf({ kind, apiVersion = 'v1' }: { kind: string; apiVersion?: string }): string {
  const [group = '', version] = apiVersion.split('/');
  const lower = kind.toLowerCase();
  const plural = /(s|x|ch|sh)$/.test(lower) ? `${lower}es` : `${lower}s`;
  return version === undefined ? plural : `${plural}.${group}`;
}

function failure(reason: string, what: string, cause: unknown): MetricFailure {
  return new MetricFailure(reason, `${what}: ${messageOf(cause)}`, { cause });
}
