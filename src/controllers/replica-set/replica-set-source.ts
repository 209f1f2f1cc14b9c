import type { ReplicaSet } from '../../api/apps/v1/types.generated.ts';
import type { ReplicationController } from '../../api/core/v1/types.generated.ts';
import { replicaSets, replicationControllers } from '../../api/resource-types.ts';
import type { EventHandler, ResourceClient } from '../../client/index.ts';
import type { ControllerContext } from '../controller.ts';
import { controllerOf } from '../owners.ts';

const ownerIndex = 'controllerUid';

/** Where a syncer gets its sets from and writes them to; a ReplicationController is an older form of the same. */
export interface ReplicaSetSource {
  /** Of the stored objects, as pods name it in their owner references. */
  readonly kind: string;
  /** Of the Events. */
  readonly component: string;
  get(key: string): ReplicaSet | undefined;
  list(namespace: string | undefined): readonly ReplicaSet[];
  /** Those that have the same controller, the set itself where it has none. */
  siblings(set: ReplicaSet): readonly ReplicaSet[];
  addHandler(handler: EventHandler<ReplicaSet>): void;
  read: ResourceClient<ReplicaSet>['get'];
  writeStatus: (set: ReplicaSet) => Promise<unknown>;
}

export function replicaSetSource({ client, informers }: ControllerContext): ReplicaSetSource {
  const informer = informers.informer(replicaSets);
  informer.addIndex(ownerIndex, (set) => [controllerOf(set)?.uid ?? '']);
  const typed = client.resource(replicaSets);
  return {
    kind: 'ReplicaSet',
    component: 'replicaset-controller',
    get: (key) => informer.get(key),
    list: (namespace) => informer.list(namespace),
    siblings(set) {
      const owner = controllerOf(set)?.uid;
      return owner === undefined ? [set] : informer.byIndex(ownerIndex, owner);
    },
    addHandler: (handler) => informer.addHandler(handler),
    read: (ref, signal) => typed.get(ref, signal),
    writeStatus: (set) => typed.updateStatus(set),
  };
}

export function replicationControllerSource({ client, informers }: ControllerContext): ReplicaSetSource {
  const informer = informers.informer(replicationControllers);
  const typed = client.resource(replicationControllers);
  const views = new WeakMap<ReplicationController, ReplicaSet>();
  // One view an object, so that views can be compared as the objects themselves can.
  const view = (object: ReplicationController): ReplicaSet => {
    const found = views.get(object) ?? asReplicaSet(object);
    views.set(object, found);
    return found;
  };
  return {
    kind: 'ReplicationController',
    component: 'replication-controller',
    get(key) {
      const object = informer.get(key);
      return object === undefined ? undefined : view(object);
    },
    list: (namespace) => informer.list(namespace).map(view),
    siblings: (set) => [set],
    addHandler: ({ added, updated, deleted }) =>
      informer.addHandler({
        added: (object) => added?.(view(object)),
        updated: (old, object) => updated?.(view(old), view(object)),
        deleted: (object) => deleted?.(view(object)),
      }),
    read: async (ref, signal) => asReplicaSet(await typed.get(ref, signal)),
    writeStatus: (set) => typed.updateStatus(asReplicationController(set)),
  };
}

function asReplicaSet({ spec, ...object }: ReplicationController): ReplicaSet {
  const { selector = {}, ...rest } = spec ?? {};
  return { ...object, spec: { ...rest, selector: { matchLabels: selector } } };
}

function asReplicationController({ spec, ...object }: ReplicaSet): ReplicationController {
  return { ...object, spec: { ...spec, selector: spec.selector.matchLabels ?? {} } };
}
