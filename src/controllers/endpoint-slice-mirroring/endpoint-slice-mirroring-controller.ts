import type { EndpointSlice } from '../../api/discovery/v1/types.generated.ts';
import { endpointSlices, endpoints, services } from '../../api/resource-types.ts';
import { createWorkQueue } from '../../client/index.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { managedByLabel, serviceNameLabel } from '../endpoint-slice/slice-plan.ts';
import { WrittenSlices } from '../endpoint-slice/written-slices.ts';
import { isNamespaceTerminating } from '../pods/pod-control.ts';
import { isMirrored, mirrorManagedBy, planMirror } from './mirror-plan.ts';

const byEndpoints = 'mirroredEndpoints';
const staleRetryMs = 20;

/** Makes slices of Endpoints written by hand, as proxies read slices only. Inputs: Endpoints, Services. Outputs: slices. */
export function endpointSliceMirroringController({ client, informers }: ControllerContext): Controller {
  const queue = createWorkQueue();
  const objects = informers.informer(endpoints);
  const allServices = informers.informer(services);
  const slices = informers.informer(endpointSlices);
  const written = new WrittenSlices();
  const keyOf = ({ metadata: { namespace = '', labels } }: EndpointSlice): string | undefined => {
    const name = labels?.[serviceNameLabel];
    return name === undefined || labels?.[managedByLabel] !== mirrorManagedBy ? undefined : `${namespace}/${name}`;
  };
  slices.addIndex(byEndpoints, (slice) => [keyOf(slice) ?? ''].filter((key) => key !== ''));
  const addSlice = (slice: EndpointSlice): void => {
    const key = keyOf(slice);
    if (key !== undefined) queue.add(key);
  };
  for (const informer of [objects, allServices]) {
    informer.addHandler({
      added: (object) => queue.add(objectKey(object)),
      updated: (_old, object) => queue.add(objectKey(object)),
      deleted: (object) => queue.add(objectKey(object)),
    });
  }
  slices.addHandler({ updated: (_old, slice) => addSlice(slice), deleted: addSlice });
  return {
    name: 'endpointslice-mirroring',
    queue,
    async reconcile(key) {
      const object = objects.get(key);
      const mine = slices.byIndex(byEndpoints, key);
      const mirrored = isMirrored(object, allServices.get(key));
      if (!mirrored && mine.length === 0) {
        written.forget(key);
        return undefined;
      }
      if (!written.allSeen(key, slices)) return { requeueAfterMs: staleRetryMs };
      const plan =
        mirrored && object !== undefined ? planMirror(object, mine) : { create: [], update: [], remove: mine };
      const typed = client.resource(endpointSlices);
      try {
        for (const slice of plan.create) written.wrote(key, await typed.create(slice));
        for (const slice of plan.update) written.wrote(key, await typed.update(slice));
      } catch (error) {
        if (!isNamespaceTerminating(error)) throw error;
      }
      for (const slice of plan.remove) {
        await typed.delete(slice.metadata).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
        written.removed(key, objectKey(slice));
      }
      return undefined;
    },
  };
}
