import { endpoints } from '../../api/resource-types.ts';
import { createWorkQueue } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isAlreadyExists, isNotFound } from '../../machinery/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { selectedPods } from '../endpoint-slice/endpoint-slice-controller.ts';
import { isNamespaceTerminating } from '../pods/pod-control.ts';
import { podIndex } from '../pods/pod-index.ts';
import { hasSelector, queueServices } from '../service-index.ts';
import { planEndpoints } from './endpoints-plan.ts';

/** The older form of EndpointSlices. Inputs: Services, Pods. Outputs: Endpoints of the Service's name. */
export function endpointsController({ client, informers }: ControllerContext): Controller {
  const queue = createWorkQueue();
  const pods = podIndex(informers).informer;
  const services = queueServices(informers, pods, queue);
  const informer = informers.informer(endpoints);
  informer.addHandler({ deleted: (object) => queue.add(objectKey(object)) });
  return {
    name: 'endpoint',
    queue,
    workers: 5,
    async reconcile(key) {
      const service = services.get(key);
      const present = informer.get(key);
      const typed = client.resource(endpoints);
      if (service === undefined) {
        if (present === undefined) return undefined;
        // Endpoints have no owner reference; the Service of the same name is what they live by.
        await typed.delete(present.metadata).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
        return undefined;
      }
      if (!hasSelector(service)) return undefined;
      const wanted = planEndpoints(service, selectedPods(pods, service), present);
      if (present !== undefined && sameContent(present, wanted)) return undefined;
      try {
        if (present === undefined) await typed.create(wanted);
        else await typed.update(wanted);
      } catch (error) {
        // There already before the cache knew: try again with what is there.
        if (isAlreadyExists(error)) return { requeueAfterMs: 20 };
        if (!isNamespaceTerminating(error)) throw error;
      }
      return undefined;
    },
  };
}

function sameContent(present: object, wanted: object): boolean {
  return equal({ subsets: [], ...present }, { subsets: [], ...wanted });
}
