import type { NodeMetrics, PodMetrics, Usage } from '../../api/metrics/v1beta1/types.ts';
import type { ResourceDefinition } from '../../api/resource.ts';
import { parseLabelSelector } from '../../machinery/labels.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { notFound } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { Api, ObjectAccess } from '../contract.ts';
import type { RequestContext } from '../request.ts';
import { tableEnd, tableHead, tableRow } from '../table/table.ts';
import { negotiate } from '../verbs/media-type.ts';
import { formOf } from '../verbs/object-form.ts';
import { sendJson, sendObject, sendPlain } from '../verbs/respond.ts';
import type { Measurement, NodeUsage, UsageSampler } from './usage-sampler.ts';

const group = 'metrics.k8s.io';
const coreNodes = { group: '', resource: 'nodes' };
const corePods = { group: '', resource: 'pods' };

/** `metrics.k8s.io`: what `kubectl top` and autoscalers read. */
export function serveResourceMetrics(api: Api, sampler: UsageSampler, now: () => number): void {
  const { objects } = api;
  api.serve({ group, resource: 'nodes', subresource: '' }, async (context, row) => {
    const usage = await sampler.usage();
    await answer(context, row, nodeMetrics(objects, usage), now);
  });
  api.serve({ group, resource: 'pods', subresource: '' }, async (context, row) => {
    const usage = await sampler.usage();
    await answer(context, row, podMetrics(objects, usage, context.info.namespace), now);
  });
}

async function answer(
  context: RequestContext,
  row: ResourceDefinition,
  all: readonly UnknownObject[],
  now: () => number,
): Promise<void> {
  const { verb, name } = context.info;
  if (verb === 'get') {
    const object = all.find(({ metadata }) => metadata.name === name);
    if (object === undefined) throw notFound(row, name);
    await sendObject(context, row, { object, bytes: undefined }, 200, now);
    return;
  }
  const selector = parseLabelSelector(context.query.get('labelSelector') ?? '');
  const items = all.filter(({ metadata }) => selector.matches(metadata.labels));
  const accepted = negotiate(context.headers.accept);
  const { table } = formOf(row, accepted, context.query, now);
  if (table === undefined) {
    const list = { kind: row.listKind, apiVersion: `${group}/${row.version}`, metadata: {}, items };
    await sendPlain(context, list, 200);
    return;
  }
  const rows = items.map((item) => tableRow(row, table, item)).join(',');
  await sendJson(context, accepted, 200, `${tableHead(row, table, {})}${rows}${tableEnd}`);
}

function nodeMetrics(objects: ObjectAccess, usage: ReadonlyMap<string, NodeUsage>): UnknownObject[] {
  const items: UnknownObject[] = [];
  for (const { metadata } of objects.list(coreNodes)) {
    const measured = usage.get(metadata.name)?.node;
    if (measured === undefined) continue;
    const object: NodeMetrics = {
      kind: 'NodeMetrics',
      apiVersion: `${group}/v1beta1`,
      metadata: metaOf(metadata, measured.at),
      ...timeOf(measured),
      usage: usageOf(measured),
    };
    items.push({ ...object });
  }
  return items;
}

/** Pods of which every container that runs was measured. */
function podMetrics(objects: ObjectAccess, usage: ReadonlyMap<string, NodeUsage>, namespace: string): UnknownObject[] {
  const items: UnknownObject[] = [];
  for (const { pods } of usage.values()) {
    for (const [key, containers] of pods) {
      const [podNamespace = '', name = ''] = key.split('/');
      if (namespace !== '' && podNamespace !== namespace) continue;
      const pod = objects.get(corePods, podNamespace, name);
      const [first] = containers.values();
      if (pod === undefined || first === undefined) continue;
      const object: PodMetrics = {
        kind: 'PodMetrics',
        apiVersion: `${group}/v1beta1`,
        metadata: { ...metaOf(pod.metadata, first.at), namespace: podNamespace },
        ...timeOf(first),
        containers: [...containers].map(([container, measured]) => ({ name: container, usage: usageOf(measured) })),
      };
      items.push({ ...object });
    }
  }
  return items.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf({ metadata }: UnknownObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function metaOf({ name, labels }: UnknownObject['metadata'], at: number): UnknownObject['metadata'] {
  return { name, creationTimestamp: rfc3339(at), ...(labels === undefined ? {} : { labels }) };
}

function timeOf({ at, windowMs }: Measurement): { timestamp: string; window: string } {
  return { timestamp: rfc3339(at), window: `${(windowMs / 1000).toFixed(3).replace(/\.?0+$/, '')}s` };
}

function usageOf({ cores, memoryBytes }: Measurement): Usage {
  return { cpu: `${Math.ceil(cores * 1e9)}n`, memory: `${Math.ceil(memoryBytes / 1024)}Ki` };
}
