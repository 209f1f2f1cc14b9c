import type { EndpointAddress, EndpointSubset, Endpoints, Service } from '../../api/core/v1/types.generated.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/discovery/v1/types.generated.ts';
import { equal } from '../../machinery/json.ts';
import type { ObjectMeta } from '../../machinery/meta-types.generated.ts';
import { newSlice } from '../endpoint-slice/new-slice.ts';
import { managedByLabel, serviceNameLabel } from '../endpoint-slice/slice-plan.ts';
import { hasSelector } from '../service-index.ts';

export const mirrorManagedBy = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const addressesMax = 1000;

export interface MirrorPlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/** Endpoints that somebody wrote for a Service of their own: those of selecting Services have slices anyway. */
export function isMirrored(endpoints: Endpoints | undefined, service: Service | undefined): boolean {
  if (endpoints === undefined || service === undefined || hasSelector(service)) return false;
  const { labels, annotations, deletionTimestamp } = endpoints.metadata;
  if (deletionTimestamp !== undefined || labels?.[skipLabel] === 'true') return false;
  return annotations?.[leaderAnnotation] === undefined;
}

/** What makes the slices say what the Endpoints say. */
export function planMirror(endpoints: Endpoints, slices: readonly EndpointSlice[]): MirrorPlan {
  const wanted = new Map(wantedSlices(endpoints).map((slice) => [contentKey(slice), slice]));
  const update: EndpointSlice[] = [];
  const remove: EndpointSlice[] = [];
  for (const slice of slices) {
    const now = wanted.get(contentKey(slice));
    if (now === undefined) {
      remove.push(slice);
      continue;
    }
    wanted.delete(contentKey(slice));
    const { labels, annotations } = now.metadata;
    const isSame =
      equal(slice.endpoints, now.endpoints) &&
      equal(slice.metadata.labels, labels) &&
      equal(slice.metadata.annotations ?? {}, annotations ?? {});
    if (isSame) continue;
    const { annotations: _old, ...metadata } = slice.metadata;
    const marked = {
      ...metadata,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    };
    update.push({ ...slice, metadata: marked, endpoints: now.endpoints ?? [] });
  }
  return { create: [...wanted.values()], update, remove };
}

function wantedSlices(object: Endpoints): EndpointSlice[] {
  const groups = new Map<string, { addressType: 'IPv4' | 'IPv6'; ports: EndpointPort[]; endpoints: Endpoint[] }>();
  for (const subset of object.subsets ?? []) {
    const ports = portsOf(subset);
    const add = (address: EndpointAddress, ready: boolean): void => {
      const addressType = address.ip.includes(':') ? 'IPv6' : 'IPv4';
      const key = `${addressType} ${JSON.stringify(ports)}`;
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      if (group.endpoints.length < addressesMax) group.endpoints.push(endpointOf(address, ready));
      groups.set(key, group);
    };
    for (const address of subset.addresses ?? []) add(address, true);
    for (const address of subset.notReadyAddresses ?? []) add(address, false);
  }
  const metadata = metadataOf(object);
  return [...groups.values()].map((group) => newSlice(object, metadata, group));
}

function metadataOf({ metadata }: Endpoints): Pick<ObjectMeta, 'annotations' | 'labels'> {
  const { [lastApplied]: _applied, ...annotations } = metadata.annotations ?? {};
  return {
    labels: { ...metadata.labels, [serviceNameLabel]: metadata.name, [managedByLabel]: mirrorManagedBy },
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

function portsOf({ ports }: EndpointSubset): EndpointPort[] {
  return (ports ?? []).map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
    name,
    port,
    protocol,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  }));
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

function contentKey({ addressType, ports }: EndpointSlice): string {
  const written = (ports ?? []).map(({ name = '', protocol = 'TCP', port, appProtocol }) => [
    name,
    protocol,
    port,
    appProtocol,
  ]);
  return `${addressType} ${JSON.stringify(written)}`;
}
