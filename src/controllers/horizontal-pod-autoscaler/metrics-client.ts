import type { PodMetrics } from '../../api/metrics/v1beta1/types.ts';
import type { Client } from '../../client/index.ts';
import { milliValue, parseQuantity } from '../../machinery/quantity.ts';
import { NoMetricError, type PodMeasurement } from './replica-calculator.ts';

/** One value of an API of metrics that somebody added to the cluster. */
interface MetricValueList {
  readonly items: readonly {
    readonly describedObject?: { readonly name: string };
    readonly value: string;
    readonly timestamp?: string;
    readonly windowSeconds?: number;
  }[];
}

/** Reads what autoscalers go by: resource metrics of this server, custom and external ones of others. */
export class MetricsClient {
  private readonly client: Client;

  constructor(client: Client) {
    this.client = client;
  }

  /** By pod name; pods of which the container or the resource was not measured are left out. */
  async resource(
    namespace: string,
    selector: string,
    resource: string,
    container: string | undefined,
  ): Promise<Map<string, PodMeasurement>> {
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`;
    const { items } = await this.get<{ items: readonly PodMetrics[] }>(path);
    if (items.length === 0) throw new NoMetricError('no metrics returned from resource metrics API');
    const measurements = new Map<string, PodMeasurement>();
    for (const { metadata, timestamp, window, containers } of items) {
      const chosen = container === undefined ? containers : containers.filter(({ name }) => name === container);
      if (chosen.length === 0) continue;
      let milli = 0;
      for (const { usage } of chosen) milli += milliOf({ ...usage }[resource as 'cpu' | 'memory'] ?? '0');
      const windowMs = Number.parseFloat(window) * 1000;
      measurements.set(metadata.name, { milli, at: Date.parse(timestamp), windowMs });
    }
    return measurements;
  }

  /** A metric that pods say of themselves. */
  async ofPods(namespace: string, selector: string, metric: MetricName): Promise<Map<string, PodMeasurement>> {
    const query = `labelSelector=${encodeURIComponent(selector)}${metricQuery(metric, '&')}`;
    const list = await this.custom(`namespaces/${namespace}/pods/*/${metric.name}?${query}`);
    const measurements = new Map<string, PodMeasurement>();
    for (const { describedObject, value, timestamp, windowSeconds = 60 } of list.items) {
      const at = Date.parse(timestamp ?? '') || Date.now();
      measurements.set(describedObject?.name ?? '', { milli: milliOf(value), at, windowMs: windowSeconds * 1000 });
    }
    return measurements;
  }

  /** Of one other object, in thousandths. `resource` is plural with its group: `ingresses.networking.k8s.io`. */
  async ofObject(namespace: string, resource: string, name: string, metric: MetricName): Promise<number> {
    const list = await this.custom(
      `namespaces/${namespace}/${resource}/${name}/${metric.name}?${metricQuery(metric, '')}`,
    );
    const [first] = list.items;
    if (first === undefined) throw new NoMetricError('no metrics returned from custom metrics API');
    return milliOf(first.value);
  }

  /** The values of a metric from outside the cluster, in thousandths. */
  async external(namespace: string, { name, selector }: MetricName): Promise<number[]> {
    const query = selector === '' ? '' : `?labelSelector=${encodeURIComponent(selector)}`;
    const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${name}${query}`;
    const { items } = await this.get<MetricValueList>(path);
    if (items.length === 0) throw new NoMetricError('no metrics returned from external metrics API');
    return items.map(({ value }) => milliOf(value));
  }

  private custom(path: string): Promise<MetricValueList> {
    return this.get(`/apis/custom.metrics.k8s.io/v1beta2/${path}`);
  }

  private async get<T>(path: string): Promise<T> {
    const { body } = await this.client.request({ method: 'GET', path, headers: { accept: 'application/json' } });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as T;
  }
}

export interface MetricName {
  readonly name: string;
  /** In the form of a query; empty for all. */
  readonly selector: string;
}

function metricQuery({ selector }: MetricName, before: string): string {
  return selector === '' ? '' : `${before}metricLabelSelector=${encodeURIComponent(selector)}`;
}

function milliOf(value: string): number {
  return milliValue(parseQuantity(value));
}
