import type { Container, Pod, ResourceFieldSelector } from '../../api/core/v1/types.generated.ts';
import { quantityToNumber } from '../../machinery/quantity.ts';
import { containersOf } from './pod-containers.ts';

/** What the downward API can say beyond the pod's own object. */
export interface DownwardFacts {
  readonly nodeName: string;
  readonly hostIps: readonly string[];
  readonly podIps: readonly string[];
  /** Allocatable of the node: the limit of a container that has none. */
  readonly allocatable: Readonly<Record<string, number>>;
}

/** Upstream's fieldpath.ExtractFieldPathAsString with the fields that only the node knows. Throws on another path. */
export function podField(pod: Pod, path: string, facts: DownwardFacts): string {
  const { metadata } = pod;
  const keyed = /^metadata\.(annotations|labels)\['(.*)'\]$/.exec(path);
  if (keyed !== null) return metadata[keyed[1] as 'annotations' | 'labels']?.[keyed[2] ?? ''] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.annotations':
      return formatMap(metadata.annotations);
    case 'metadata.labels':
      return formatMap(metadata.labels);
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return facts.hostIps[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIps.join(',');
    case 'status.podIP':
      return facts.podIps[0] ?? '';
    case 'status.podIPs':
      return facts.podIps.join(',');
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}

/** `key="value"` lines, sorted, quoted as Go's %q. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

export function resourceField(
  pod: Pod,
  selector: ResourceFieldSelector,
  own: Container | undefined,
  facts: DownwardFacts,
): string {
  const named = containersOf(pod).find(({ spec }) => spec.name === selector.containerName)?.spec;
  const container = selector.containerName === undefined || selector.containerName === '' ? own : named;
  if (container === undefined) throw new Error(`container ${selector.containerName} not found`);
  const dot = selector.resource.indexOf('.');
  const [kind, name] = [selector.resource.slice(0, dot), selector.resource.slice(dot + 1)];
  const { limits, requests } = container.resources ?? {};
  const limit = limits?.[name] === undefined ? (facts.allocatable[name] ?? 0) : quantityToNumber(limits[name]);
  const amount = kind === 'limits' ? limit : quantityToNumber(requests?.[name] ?? limits?.[name]);
  if (kind !== 'limits' && kind !== 'requests') {
    throw new Error(`unsupported container resource : ${selector.resource}`);
  }
  const divisor = quantityToNumber(selector.divisor ?? '1') || 1;
  return String(Math.ceil(amount / divisor - 1e-9));
}
