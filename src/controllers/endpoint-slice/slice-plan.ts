import type { Pod, Service } from '../../api/core/v1/types.generated.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/discovery/v1/types.generated.ts';
import { equal } from '../../machinery/json.ts';
import { isPodFinished, isPodReady } from '../pods/pod-state.ts';
import { hostnameIn, isHeadless, targetPortOf, triggerTimeAnnotation, triggerTimeOf } from '../service-index.ts';
import { newSlice } from './new-slice.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const managedBy = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const endpointsPerSliceMax = 100;

export type AddressType = 'IPv4' | 'IPv6';

/** What to write so that the slices of one address type say what the pods are. */
export interface SlicePlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

export interface SliceInputs {
  readonly service: Service;
  /** Those that the Service selects. */
  readonly pods: readonly Pod[];
  readonly addressType: AddressType;
  /** Ours, of this address type. */
  readonly slices: readonly EndpointSlice[];
  readonly zoneOf: (node: string) => string | undefined;
}

export function planSlices(inputs: SliceInputs): SlicePlan {
  const labels = sliceLabels(inputs.service);
  const wanted = groupByPorts(inputs);
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const remove: EndpointSlice[] = [];
  const existing = Map.groupBy(inputs.slices, ({ ports }) => portsKey(ports ?? []));
  for (const [key, slices] of existing) {
    if (!wanted.has(key)) remove.push(...slices);
  }
  for (const [key, { ports, endpoints }] of wanted) {
    const filled = fill(existing.get(key) ?? [], endpoints);
    for (const { slice, kept } of filled.present) {
      if (kept.length === 0) remove.push(slice);
      else if (!equal(kept, slice.endpoints ?? []) || !equal(labels, slice.metadata.labels)) {
        update.push({
          ...slice,
          metadata: { ...slice.metadata, labels, ...annotationsOf(inputs, slice) },
          endpoints: kept,
        });
      }
    }
    for (const chunk of filled.added) create.push(sliceOf(inputs, labels, ports, chunk));
  }
  return keepOne(inputs, labels, { create, update, remove });
}

/** A Service without endpoints has one empty slice, which says that it has been looked at. */
function keepOne(inputs: SliceInputs, labels: Record<string, string>, plan: SlicePlan): SlicePlan {
  const left = inputs.slices.length + plan.create.length - plan.remove.length;
  if (left > 0) return plan;
  const [spared, ...remove] = plan.remove;
  if (spared === undefined) return { ...plan, create: [sliceOf(inputs, labels, [], [])] };
  const { ports: _ports, ...rest } = spared;
  const isPlaceholder = (spared.endpoints ?? []).length === 0 && (spared.ports ?? []).length === 0;
  if (isPlaceholder && equal(labels, spared.metadata.labels)) return { ...plan, remove };
  // Ports of a slice may change, the placeholder's are empty.
  const empty = { ...rest, metadata: { ...spared.metadata, labels }, endpoints: [], ports: [] };
  return { ...plan, update: [...plan.update, empty], remove };
}

interface PortGroup {
  readonly ports: EndpointPort[];
  readonly endpoints: Endpoint[];
}

/** Pods that give different numbers to a named port go to different slices. */
function groupByPorts({ service, pods, addressType, zoneOf }: SliceInputs): Map<string, PortGroup> {
  const groups = new Map<string, PortGroup>();
  for (const pod of pods) {
    if (isPodFinished(pod)) continue;
    const addresses = addressesOf(pod, addressType);
    if (addresses.length === 0) continue;
    const ports = portsFor(service, pod);
    const key = portsKey(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod, addresses, zoneOf));
    groups.set(key, group);
  }
  return groups;
}

function addressesOf(pod: Pod, addressType: AddressType): string[] {
  const all = pod.status?.podIPs?.map(({ ip }) => ip) ?? [];
  if (all.length === 0 && pod.status?.podIP !== undefined) all.push(pod.status.podIP);
  return all.filter((ip) => ip !== '' && ip.includes(':') === (addressType === 'IPv6')).slice(0, 1);
}

function portsFor(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const servicePort of service.spec.ports ?? []) {
    const port = targetPortOf(pod, servicePort);
    if (port === undefined) continue;
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    ports.push({ name, protocol, port, ...(appProtocol === undefined ? {} : { appProtocol }) });
  }
  return ports;
}

function endpointOf(
  service: Service,
  pod: Pod,
  addresses: string[],
  zoneOf: (node: string) => string | undefined,
): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const { nodeName } = pod.spec ?? {};
  const zone = nodeName === undefined ? undefined : zoneOf(nodeName);
  const hostname = hostnameIn(service, pod);
  const { name, namespace, uid } = pod.metadata;
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: {
      kind: 'Pod',
      ...(namespace === undefined ? {} : { namespace }),
      name,
      ...(uid === undefined ? {} : { uid }),
    },
    ...(zone === undefined ? {} : { zone }),
  };
}

/** Leaves endpoints in the slices where they are and puts the new ones where there is room, so that few slices change. */
function fill(
  slices: readonly EndpointSlice[],
  wanted: readonly Endpoint[],
): { present: { slice: EndpointSlice; kept: Endpoint[] }[]; added: Endpoint[][] } {
  const missing = new Map(wanted.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const present = slices.map((slice) => {
    const kept: Endpoint[] = [];
    for (const old of slice.endpoints ?? []) {
      const key = endpointKey(old);
      const now = missing.get(key);
      if (now === undefined || kept.length >= endpointsPerSliceMax) continue;
      missing.delete(key);
      kept.push(now);
    }
    return { slice, kept };
  });
  const rest = [...missing.values()];
  for (const { kept } of present) kept.push(...rest.splice(0, endpointsPerSliceMax - kept.length));
  const added: Endpoint[][] = [];
  while (rest.length > 0) added.push(rest.splice(0, endpointsPerSliceMax));
  return { present, added };
}

function endpointKey({ addresses, targetRef }: Endpoint): string {
  return `${targetRef?.uid ?? ''}/${addresses.join(',')}`;
}

function portsKey(ports: readonly EndpointPort[]): string {
  return ports
    .map(
      ({ name = '', protocol = 'TCP', port, appProtocol = '' }) => `${name}/${protocol}/${port ?? ''}/${appProtocol}`,
    )
    .sort()
    .join(',');
}

function sliceLabels(service: Service): Record<string, string> {
  const labels: Record<string, string> = { ...service.metadata.labels };
  delete labels[headlessLabel];
  if (isHeadless(service)) labels[headlessLabel] = '';
  labels[serviceNameLabel] = service.metadata.name;
  labels[managedByLabel] = managedBy;
  return labels;
}

function annotationsOf(
  { service, pods }: Pick<SliceInputs, 'pods' | 'service'>,
  present?: EndpointSlice,
): { annotations?: Record<string, string> } {
  const time = triggerTimeOf(service, pods);
  const annotations = {
    ...present?.metadata.annotations,
    ...(time === undefined ? {} : { [triggerTimeAnnotation]: time }),
  };
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}

function sliceOf(
  { service, pods, addressType }: SliceInputs,
  labels: Record<string, string>,
  ports: EndpointPort[],
  endpoints: Endpoint[],
): EndpointSlice {
  return newSlice(service, { labels, ...annotationsOf({ service, pods }) }, { addressType, ports, endpoints });
}
