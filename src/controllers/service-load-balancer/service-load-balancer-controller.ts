import type { Service } from '../../api/core/v1/types.generated.ts';
import { endpoints, nodes, services } from '../../api/resource-types.ts';
import { createWorkQueue } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { balancerAddresses, ingressFor, isBalanced, takenPort } from './balancer-plan.ts';

/**
 * Makes Services of type LoadBalancer reachable without a cloud: at their own port on the address of every node, where
 * the service proxy answers. Services with a `loadBalancerClass` are left to others. Inputs: Services, Nodes. Outputs:
 * `status.loadBalancer`.
 */
export function serviceLoadBalancerController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const all = informers.informer(services);
  const allNodes = informers.informer(nodes);
  const allEndpoints = informers.informer(endpoints);
  const recorder = context.recorder('service-controller');
  /** Those whose status is ours to take back. */
  const balanced = new Set<string>();
  const addAll = (): void => {
    for (const service of all.list()) if (service.spec.type === 'LoadBalancer') queue.add(objectKey(service));
  };
  all.addHandler({
    added: (service) => queue.add(objectKey(service)),
    updated: (old, service) => {
      if (!equal(old.spec, service.spec) || isBalanced(service)) queue.add(objectKey(service));
    },
    // A port may have become free.
    deleted: (service) => {
      balanced.delete(objectKey(service));
      if (service.spec.type === 'LoadBalancer') addAll();
    },
  });
  allNodes.addHandler({
    added: addAll,
    updated(old, node) {
      if (!equal(balancerAddresses([old]), balancerAddresses([node]))) addAll();
    },
    deleted: addAll,
  });

  const reservedPorts = (): Set<string> => {
    const subsets = allEndpoints.get('default/kubernetes')?.subsets ?? [];
    return new Set(subsets.flatMap(({ ports = [] }) => ports.map(({ port }) => `TCP/${port}`)));
  };
  const write = async (service: Service, addresses: readonly string[]): Promise<void> => {
    const ingress = ingressFor(addresses);
    if (equal(ingress, service.status?.loadBalancer?.ingress ?? [])) return;
    const loadBalancer = ingress.length === 0 ? {} : { ingress };
    try {
      await client.resource(services).updateStatus({ ...service, status: { ...service.status, loadBalancer } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  return {
    name: 'service-load-balancer',
    queue,
    workers: 1,
    async reconcile(key) {
      const service = all.get(key);
      if (service === undefined) return undefined;
      if (!isBalanced(service)) {
        if (balanced.delete(key)) await write(service, []);
        return undefined;
      }
      const taken = takenPort(service, all.list(), reservedPorts());
      if (taken !== undefined) {
        const message = `Error syncing load balancer: port ${taken} of the nodes is taken`;
        recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', message);
        await write(service, []);
        return undefined;
      }
      balanced.add(key);
      await write(service, balancerAddresses(allNodes.list()));
      return undefined;
    },
  };
}
