import type { Pod, Service } from '../../api/core/v1/types.generated.ts';
import type { EndpointSlice } from '../../api/discovery/v1/types.generated.ts';
import { endpointSlices, nodes } from '../../api/resource-types.ts';
import { createWorkQueue, type Informer } from '../../client/index.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { isNamespaceTerminating } from '../pods/pod-control.ts';
import { podIndex } from '../pods/pod-index.ts';
import { hasSelector, podSelectorOf, queueServices } from '../service-index.ts';
import {
  type AddressType,
  managedBy,
  managedByLabel,
  planSlices,
  type SlicePlan,
  serviceNameLabel,
} from './slice-plan.ts';
import { WrittenSlices } from './written-slices.ts';

const byService = 'service';
const zoneLabel = 'topology.kubernetes.io/zone';
const staleRetryMs = 20;

/** Says where the backends of Services are. Inputs: Services, Pods, Nodes (zones). Outputs: EndpointSlices. */
export function endpointSliceController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const pods = podIndex(informers).informer;
  const services = queueServices(informers, pods, queue);
  const slices = informers.informer(endpointSlices);
  const allNodes = informers.informer(nodes);
  const written = new WrittenSlices();
  slices.addIndex(byService, (slice) => {
    const { namespace = '', labels = {} } = slice.metadata;
    const service = labels[serviceNameLabel];
    return service === undefined || labels[managedByLabel] !== managedBy ? [] : [`${namespace}/${service}`];
  });
  const addOwner = ({ metadata: { namespace = '', labels } }: EndpointSlice): void => {
    const service = labels?.[serviceNameLabel];
    if (service !== undefined && labels?.[managedByLabel] === managedBy) queue.add(`${namespace}/${service}`);
  };
  // Only what somebody else did to a slice matters here; our own writes are in the cache's past.
  slices.addHandler({ updated: (_old, slice) => addOwner(slice), deleted: addOwner });
  return {
    name: 'endpointslice',
    queue,
    workers: 5,
    async reconcile(key) {
      const service = services.get(key);
      if (service === undefined) {
        written.forget(key);
        return undefined;
      }
      if (service.metadata.deletionTimestamp !== undefined || !hasSelector(service)) return undefined;
      if (!written.allSeen(key, slices)) return { requeueAfterMs: staleRetryMs };
      const selected = selectedPods(pods, service);
      const mine = slices.byIndex(byService, key);
      const zoneOf = (node: string): string | undefined => allNodes.get(node)?.metadata.labels?.[zoneLabel];
      for (const addressType of familiesOf(service)) {
        const present = mine.filter((slice) => slice.addressType === addressType);
        const plan = planSlices({ service, pods: selected, addressType, slices: present, zoneOf });
        await apply(context, key, plan, written);
      }
      const unwanted = mine.filter(({ addressType }) => !familiesOf(service).includes(addressType as AddressType));
      for (const slice of unwanted) await client.resource(endpointSlices).delete(slice.metadata);
      return undefined;
    },
  };
}

export function selectedPods(pods: Informer<Pod>, service: Service): Pod[] {
  const selector = podSelectorOf(service);
  return pods.list(service.metadata.namespace).filter((pod) => selector.matches(pod.metadata.labels));
}

function familiesOf({ spec }: Service): AddressType[] {
  const families = spec.ipFamilies ?? [];
  return families.length === 0 ? ['IPv4'] : families.map((family) => (family === 'IPv6' ? 'IPv6' : 'IPv4'));
}

async function apply(
  { client }: ControllerContext,
  key: string,
  { create, update, remove }: SlicePlan,
  written: WrittenSlices,
): Promise<void> {
  const typed = client.resource(endpointSlices);
  try {
    for (const slice of create) written.wrote(key, await typed.create(slice));
    for (const slice of update) written.wrote(key, await typed.update(slice));
  } catch (error) {
    if (isNamespaceTerminating(error)) return;
    throw error;
  }
  for (const slice of remove) {
    try {
      await typed.delete(slice.metadata);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    written.removed(key, objectKey(slice));
  }
}
