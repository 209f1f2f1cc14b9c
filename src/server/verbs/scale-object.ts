import type { Scale } from '../../api/autoscaling/v1/types.generated.ts';
import type { ScalePaths } from '../../api/resource.ts';
import { clone, isJsonObject } from '../../machinery/json.ts';
import { formatSelector, selectorOf } from '../../machinery/labels.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { LabelSelector } from '../../machinery/meta-types.generated.ts';
import { invalid } from '../../machinery/status-error.ts';

/** The Scale of an object. */
export function scaleOf(object: UnknownObject, paths: ScalePaths): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.selector === undefined ? undefined : selectorText(valueAt(object, paths.selector));
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: JSON.parse(JSON.stringify(metadata)) as Scale['metadata'],
    spec: { replicas: numberAt(object, paths.specReplicas) },
    status: {
      replicas: numberAt(object, paths.statusReplicas),
      ...(selector === undefined || selector === '' ? {} : { selector }),
    },
  };
}

/** A copy of `old` with what the Scale says, its uid and resourceVersion as preconditions. Throws 422. */
export function withReplicas(old: UnknownObject, scale: Scale, paths: ScalePaths): UnknownObject {
  const copy = clone(old);
  const { uid, resourceVersion = '' } = scale.metadata;
  if (uid !== undefined) copy.metadata.uid = uid;
  copy.metadata.resourceVersion = resourceVersion;
  setReplicas(copy, replicasOf(scale), paths);
  return copy;
}

export function replicasOf(scale: Scale): number {
  return scale.spec?.replicas ?? 0;
}

/** Changes `object`. Throws 422 for a negative number. */
export function setReplicas(object: UnknownObject, replicas: number, { specReplicas }: ScalePaths): void {
  if (replicas < 0) {
    const detail = 'must be greater than or equal to 0';
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, object.metadata.name, [
      { type: 'invalid', field: 'spec.replicas', value: replicas, detail },
    ]);
  }
  const path = specReplicas.split('.');
  const last = path.pop() ?? '';
  let parent: Record<string, unknown> = object;
  for (const part of path) {
    const child = parent[part];
    const next = isJsonObject(child) ? child : {};
    parent[part] = next;
    parent = next;
  }
  parent[last] = replicas;
}

function valueAt(object: UnknownObject, path: string): unknown {
  let value: unknown = object;
  for (const part of path.split('.')) value = isJsonObject(value) ? value[part] : undefined;
  return value;
}

function numberAt(object: UnknownObject, path: string): number {
  const value = valueAt(object, path);
  return typeof value === 'number' ? value : 0;
}

/** A serialized selector, a LabelSelector, or the plain map of a ReplicationController. */
function selectorText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!isJsonObject(value)) return undefined;
  const isLabelSelector = isJsonObject(value['matchLabels']) || Array.isArray(value['matchExpressions']);
  const selector = isLabelSelector ? value : { matchLabels: value };
  return formatSelector(selectorOf(selector as LabelSelector));
}
