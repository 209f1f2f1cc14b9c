import type { Deployment, ReplicaSet } from '../../api/apps/v1/types.generated.ts';
import { deployments, replicaSets } from '../../api/resource-types.ts';
import { createWorkQueue, type Informer, type WorkQueue } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { selectorOf } from '../../machinery/labels.ts';
import { objectKey } from '../../machinery/meta.ts';
import { claim } from '../claim.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { controllerOf } from '../owners.ts';
import { podIndex } from '../pods/pod-index.ts';
import { DeploymentSync } from './deployment-sync.ts';

const ownerIndex = 'controllerUid';
const orphanIndex = 'orphansOfNamespace';

/** Rolls Deployments out. Inputs: Deployments, ReplicaSets, Pods. Outputs: ReplicaSets, Deployment status. */
export function deploymentController(context: ControllerContext): Controller {
  const queue = createWorkQueue();
  const informer = context.informers.informer(deployments);
  const sets = context.informers.informer(replicaSets);
  const pods = podIndex(context.informers);
  sets.addIndex(ownerIndex, (set) => [controllerOf(set)?.uid ?? '']);
  sets.addIndex(orphanIndex, (set) => (controllerOf(set) === undefined ? [set.metadata.namespace ?? ''] : []));
  informer.addHandler({
    added: (deployment) => queue.add(objectKey(deployment)),
    updated: (_old, deployment) => queue.add(objectKey(deployment)),
    deleted: (deployment) => queue.add(objectKey(deployment)),
  });
  addReplicaSetHandler(queue, informer, sets);
  pods.informer.addHandler({
    // Recreate waits for the last old pod to go, which no ReplicaSet's status shows in time.
    deleted(pod) {
      const owner = controllerOf(pod);
      if (owner?.kind !== 'ReplicaSet') return;
      const set = sets.get(`${pod.metadata.namespace ?? ''}/${owner.name}`);
      const deployment = set === undefined ? undefined : ownerOf(informer, set);
      if (deployment?.spec?.strategy?.type === 'Recreate') queue.add(objectKey(deployment));
    },
  });
  const recorder = context.recorder('deployment-controller');
  const claimSets = (deployment: Deployment): Promise<ReplicaSet[]> => claimReplicaSets(context, sets, deployment);
  return {
    name: 'deployment',
    queue,
    workers: 5,
    async reconcile(key) {
      const deployment = informer.get(key);
      if (deployment === undefined) return undefined;
      if (equal(deployment.spec?.selector, {})) {
        recorder.event(
          deployment,
          'Warning',
          'SelectingAll',
          'This deployment is selecting all pods. A non-empty selector is required.',
        );
        return undefined;
      }
      const found = await claimSets(deployment);
      return new DeploymentSync({ client: context.client, recorder, pods, deployment, sets: found }).run();
    },
  };
}

function addReplicaSetHandler(queue: WorkQueue, informer: Informer<Deployment>, sets: Informer<ReplicaSet>): void {
  const add = (set: ReplicaSet): void => {
    const owner = ownerOf(informer, set);
    if (owner !== undefined) queue.add(objectKey(owner));
    else if (controllerOf(set) === undefined) {
      for (const deployment of informer.list(set.metadata.namespace)) {
        if (selectorOf(deployment.spec?.selector).matches(set.metadata.labels)) queue.add(objectKey(deployment));
      }
    }
  };
  sets.addHandler({
    added: add,
    updated(old, set) {
      if (controllerOf(old)?.uid !== controllerOf(set)?.uid) add(old);
      add(set);
    },
    deleted: add,
  });
}

function ownerOf(informer: Informer<Deployment>, set: ReplicaSet): Deployment | undefined {
  const controller = controllerOf(set);
  if (controller?.kind !== 'Deployment') return undefined;
  const found = informer.get(`${set.metadata.namespace ?? ''}/${controller.name}`);
  return found?.metadata.uid === controller.uid ? found : undefined;
}

function claimReplicaSets(
  { client }: ControllerContext,
  sets: Informer<ReplicaSet>,
  deployment: Deployment,
): Promise<ReplicaSet[]> {
  const { namespace = '', name, uid = '' } = deployment.metadata;
  const candidates = [...sets.byIndex(ownerIndex, uid), ...sets.byIndex(orphanIndex, namespace)];
  return claim(candidates, {
    owner: deployment,
    freshOwner: () => client.resource(deployments).get({ namespace, name }),
    selector: selectorOf(deployment.spec?.selector),
    client: client.resource(replicaSets),
  });
}
