import type { Field, Schema, StructSchema } from '../../../machinery/schema.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import type { Column, ResourceDefinition } from '../../resource.ts';
import { schemaOf } from '../../schema/structure.ts';
import { defineStrategy } from '../../strategy.ts';
import type { NodeMetrics, PodMetrics, Usage } from './types.ts';

/** What nodes and pods use now: measured when asked for, never stored. */
const name = (kind: string): string => `io.k8s.metrics.pkg.apis.metrics.v1beta1.${kind}`;
const field = (schema: Schema, required = false): Field => ({ schema, required });
const usage: Schema = { type: 'map', values: { type: 'quantity' }, atomic: false };
const struct = (kind: string, fields: Record<string, Field>): StructSchema => ({
  type: 'struct',
  name: name(kind),
  fields: new Map(Object.entries(fields)),
  atomic: false,
});
const identity = (): Record<string, Field> => ({
  apiVersion: field({ type: 'string' }),
  kind: field({ type: 'string' }),
  metadata: { schema: objectMeta(), required: false },
  timestamp: field({ type: 'time' }, true),
  window: field({ type: 'string' }, true),
});

function objectMeta(): Schema {
  const metadata = schemaOf('core/v1.Pod').fields.get('metadata');
  return metadata?.schema ?? { type: 'object' };
}

const containerMetrics = struct('ContainerMetrics', {
  name: field({ type: 'string' }, true),
  usage: field(usage, true),
});

function row(
  kind: string,
  resource: string,
  namespaced: boolean,
  schema: StructSchema,
  columns: readonly Column[],
): ResourceDefinition {
  return {
    group: 'metrics.k8s.io',
    version: 'v1beta1',
    kind,
    listKind: `${kind}List`,
    resource,
    singular: '',
    shortNames: [],
    categories: [],
    namespaced,
    verbs: ['get', 'list'],
    schema,
    columns,
    selectableFields: {},
    subresources: [],
    strategy: defineStrategy({ hasStatus: false, hasSpec: false }),
    virtual: true,
  };
}

const windowColumn = column<NodeMetrics | PodMetrics>('Window', ({ window }) => window ?? '');

function usages(containers: PodMetrics['containers'] | undefined, of: keyof Usage): string {
  return (containers ?? []).map(({ usage }) => usage?.[of] ?? '').join(',');
}

export const metricsResources: readonly ResourceDefinition[] = [
  row('NodeMetrics', 'nodes', false, struct('NodeMetrics', { ...identity(), usage: field(usage, true) }), [
    nameColumn,
    column<NodeMetrics>('CPU', ({ usage }) => usage?.cpu ?? ''),
    column<NodeMetrics>('Memory', ({ usage }) => usage?.memory ?? ''),
    windowColumn,
    ageColumn,
  ]),
  row(
    'PodMetrics',
    'pods',
    true,
    struct('PodMetrics', {
      ...identity(),
      containers: field({ type: 'list', items: containerMetrics, listType: 'atomic', listKeys: [] }, true),
    }),
    [
      nameColumn,
      column<PodMetrics>('CPU', ({ containers }) => usages(containers, 'cpu')),
      column<PodMetrics>('Memory', ({ containers }) => usages(containers, 'memory')),
      windowColumn,
      ageColumn,
    ],
  ),
];
