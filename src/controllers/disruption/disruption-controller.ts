import type { Pod } from '../../api/core/v1/types.generated.ts';
import type { PodDisruptionBudget } from '../../api/policy/v1/types.generated.ts';
import {
  deployments,
  podDisruptionBudgets,
  replicaSets,
  replicationControllers,
  statefulSets,
} from '../../api/resource-types.ts';
import { createWorkQueue, type InformerFactory, type Lister } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { selectorOf } from '../../machinery/labels.ts';
import { type KubeObject, objectKey } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { controllerOf } from '../owners.ts';
import { podIndex } from '../pods/pod-index.ts';
import { isPodFinished } from '../pods/pod-state.ts';
import { budgetStatus, nextExpiryMs } from './budget-status.ts';

/** Says how many pods may be evicted. Inputs: PodDisruptionBudgets, Pods and their controllers. Outputs: status. */
export function disruptionController({ client, informers }: ControllerContext): Controller {
  const queue = createWorkQueue();
  const budgets = informers.informer(podDisruptionBudgets);
  const pods = podIndex(informers).informer;
  const scaleOf = scaleReader(informers);
  budgets.addHandler({
    added: (budget) => queue.add(objectKey(budget)),
    updated: (_old, budget) => queue.add(objectKey(budget)),
  });
  const addFor = (pod: Pod): void => {
    for (const budget of budgets.list(pod.metadata.namespace)) {
      if (covers(budget, pod)) queue.add(objectKey(budget));
    }
  };
  pods.addHandler({
    added: addFor,
    updated(old, pod) {
      if (!equal(old.metadata.labels, pod.metadata.labels)) addFor(old);
      addFor(pod);
    },
    deleted: addFor,
  });
  return {
    name: 'disruption',
    queue,
    async reconcile(key) {
      const budget = budgets.get(key);
      if (budget === undefined) return undefined;
      const covered = pods.list(budget.metadata.namespace).filter((pod) => covers(budget, pod) && !isPodFinished(pod));
      const now = Date.now();
      const status = budgetStatus(budget, covered, scaleOf(covered), now);
      if (!equal(status, budget.status ?? {})) {
        try {
          await client.resource(podDisruptionBudgets).updateStatus({ ...budget, status });
        } catch (error) {
          // Gone meanwhile: nobody is left to tell.
          if (!isNotFound(error)) throw error;
        }
      }
      const requeueAfterMs = nextExpiryMs(status, now);
      return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
    },
  };
}

function covers(budget: PodDisruptionBudget, { metadata }: Pod): boolean {
  return selectorOf(budget.spec?.selector).matches(metadata.labels);
}

interface Scaled extends KubeObject {
  readonly spec?: { readonly replicas?: number };
}

/** How many pods the controllers of these pods want to have together. */
function scaleReader(informers: InformerFactory): (pods: readonly Pod[]) => number {
  const deploymentsOf: Lister<Scaled> = informers.informer(deployments);
  const listers: Readonly<Record<string, Lister<Scaled>>> = {
    ReplicaSet: informers.informer(replicaSets),
    ReplicationController: informers.informer(replicationControllers),
    StatefulSet: informers.informer(statefulSets),
  };
  return (pods) => {
    const wanted = new Map<string, number>();
    for (const pod of pods) {
      const { namespace = '' } = pod.metadata;
      const reference = controllerOf(pod);
      let owner = reference === undefined ? undefined : listers[reference.kind]?.get(`${namespace}/${reference.name}`);
      const above = owner === undefined ? undefined : controllerOf(owner);
      if (above?.kind === 'Deployment') owner = deploymentsOf.get(`${namespace}/${above.name}`) ?? owner;
      // A pod that nobody scales counts as itself.
      if (owner === undefined) wanted.set(pod.metadata.uid ?? pod.metadata.name, 1);
      else wanted.set(owner.metadata.uid ?? '', owner.spec?.replicas ?? 1);
    }
    let total = 0;
    for (const replicas of wanted.values()) total += replicas;
    return total;
  };
}
