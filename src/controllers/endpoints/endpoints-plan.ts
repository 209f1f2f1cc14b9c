import type {
  EndpointAddress,
  EndpointPort,
  EndpointSubset,
  Endpoints,
  Pod,
  Service,
} from '../../api/core/v1/types.generated.ts';
import { equal } from '../../machinery/json.ts';
import { isPodFinished, isPodReady } from '../pods/pod-state.ts';
import { hostnameIn, isHeadless, targetPortOf, triggerTimeAnnotation, triggerTimeOf } from '../service-index.ts';

const headlessLabel = 'service.kubernetes.io/headless';
export const endpointsManagedByLabel = 'endpoints.kubernetes.io/managed-by';
const overCapacityAnnotation = 'endpoints.kubernetes.io/over-capacity';
const addressesMax = 1000;

/** The Endpoints object that a Service and the pods it selects amount to; metadata of `present` is kept. */
export function planEndpoints(service: Service, pods: readonly Pod[], present: Endpoints | undefined): Endpoints {
  const { subsets, truncated } = subsetsOf(service, pods);
  const { name, namespace } = service.metadata;
  const labels: Record<string, string> = { ...service.metadata.labels };
  delete labels[headlessLabel];
  if (isHeadless(service)) labels[headlessLabel] = '';
  labels[endpointsManagedByLabel] = 'endpoint-controller';
  const { [overCapacityAnnotation]: _old, ...kept } = present?.metadata.annotations ?? {};
  // The time of a change that changes nothing here is no reason to write.
  const time =
    present !== undefined && equal(present.subsets ?? [], subsets) ? undefined : triggerTimeOf(service, pods);
  const annotations = {
    ...kept,
    ...(truncated ? { [overCapacityAnnotation]: 'truncated' } : {}),
    ...(time === undefined ? {} : { [triggerTimeAnnotation]: time }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      ...(present?.metadata ?? { name, ...(namespace === undefined ? {} : { namespace }) }),
      labels,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    ...(subsets.length === 0 ? {} : { subsets }),
  };
}

/** Addresses with the same ports share a subset, as upstream repacks them. */
function subsetsOf(service: Service, pods: readonly Pod[]): { subsets: EndpointSubset[]; truncated: boolean } {
  const groups = new Map<string, { ports: EndpointPort[]; ready: EndpointAddress[]; notReady: EndpointAddress[] }>();
  let count = 0;
  let truncated = false;
  for (const pod of [...pods].sort(byAddress)) {
    if (!belongs(service, pod)) continue;
    const ports = portsFor(service, pod);
    if (ports.length === 0 && !isHeadless(service)) continue;
    if (count >= addressesMax) {
      truncated = true;
      break;
    }
    count++;
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, ready: [], notReady: [] };
    const ready = service.spec.publishNotReadyAddresses === true || isPodReady(pod);
    (ready ? group.ready : group.notReady).push(addressOf(service, pod));
    groups.set(key, group);
  }
  const subsets = [...groups.values()].map(({ ports, ready, notReady }) => ({
    ...(ready.length === 0 ? {} : { addresses: ready }),
    ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
    ...(ports.length === 0 ? {} : { ports }),
  }));
  return { subsets, truncated };
}

function belongs(service: Service, pod: Pod): boolean {
  if (isPodFinished(pod) || addressFor(pod) === '') return false;
  return pod.metadata.deletionTimestamp === undefined || service.spec.publishNotReadyAddresses === true;
}

function addressFor(pod: Pod): string {
  return pod.status?.podIP ?? '';
}

function byAddress(a: Pod, b: Pod): number {
  return addressFor(a).localeCompare(addressFor(b));
}

function portsFor(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const servicePort of service.spec.ports ?? []) {
    const port = targetPortOf(pod, servicePort);
    if (port === undefined) continue;
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    ports.push({
      ...(name === '' ? {} : { name }),
      port,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    });
  }
  return ports;
}

function addressOf(service: Service, pod: Pod): EndpointAddress {
  const hostname = hostnameIn(service, pod);
  const { name, namespace, uid } = pod.metadata;
  return {
    ip: addressFor(pod),
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod.spec?.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: {
      kind: 'Pod',
      ...(namespace === undefined ? {} : { namespace }),
      name,
      ...(uid === undefined ? {} : { uid }),
    },
  };
}
