import type { DaemonSet, DaemonSetStatus } from '../../api/apps/v1/types.generated.ts';
import type { Node, Pod } from '../../api/core/v1/types.generated.ts';
import { daemonSets, nodes } from '../../api/resource-types.ts';
import { createWorkQueue } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { selectorOf } from '../../machinery/labels.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { claim } from '../claim.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { Expectations } from '../expectations.ts';
import { watchOwnedPods } from '../pods/owned-pods.ts';
import { createPodControl, type PodControl } from '../pods/pod-control.ts';
import { podIndex } from '../pods/pod-index.ts';
import { isPodAvailable, isPodFinished, isPodReady } from '../pods/pod-state.ts';
import { RevisionHistory, revisionHashLabel, revisionHashOf } from '../revisions.ts';
import { slowStart } from '../slow-start.ts';
import { bindToNode, type DaemonPlan, nodeOf, nodeWants, planDaemons, planUpdate } from './daemon-plan.ts';
import { FailedDaemons } from './failed-daemons.ts';

/** One pod of each DaemonSet on every node that it selects. Inputs: DaemonSets, Nodes, Pods. Outputs: Pods, status. */
export function daemonSetController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const sets = informers.informer(daemonSets);
  const allNodes = informers.informer(nodes);
  const index = podIndex(informers);
  const expectations = new Expectations();
  const history = new RevisionHistory(client, informers);
  const recorder = context.recorder('daemonset-controller');
  const control = createPodControl(client, recorder);
  const failed = new FailedDaemons();
  const addAll = (): void => {
    for (const set of sets.list()) queue.add(objectKey(set));
  };
  sets.addHandler({
    added: (set) => queue.add(objectKey(set)),
    updated: (_old, set) => queue.add(objectKey(set)),
    deleted: (set) => {
      expectations.forget(objectKey(set));
      failed.forget(set.metadata.uid ?? '');
    },
  });
  allNodes.addHandler({
    added: addAll,
    updated(old, node) {
      if (placementChanged(old, node)) addAll();
    },
    deleted: addAll,
  });
  watchOwnedPods({ kind: 'DaemonSet', owners: sets, pods: index.informer, expectations, queue });
  return {
    name: 'daemonset',
    queue,
    async reconcile(key) {
      const set = sets.get(key);
      if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
      const { namespace = '', name, uid = '' } = set.metadata;
      const mine = await claim([...index.controlledBy(uid), ...index.orphansIn(namespace)], {
        owner: set,
        freshOwner: () => client.resource(daemonSets).get({ namespace, name }),
        selector: selectorOf(set.spec.selector),
        client: client.resource(index.informer.type),
      });
      const revision = await history.current(set);
      const hash = revisionHashOf(revision);
      const now = Date.now();
      const waits: number[] = [];
      if (expectations.satisfied(key)) {
        const moment = { hash, now };
        const plan = planDaemons(set, allNodes.list(), mine, moment);
        const wanted = allNodes.list().filter((node) => nodeWants(set, node).run);
        const names = wanted.map(({ metadata }) => metadata.name);
        const update = plan.create.length > 0 ? undefined : planUpdate(set, names, mine, moment);
        const create = [...plan.create, ...(update?.create ?? [])];
        const remove = [...new Set([...plan.remove, ...(update?.remove ?? [])])].filter((pod) => {
          if (!isPodFinished(pod)) return true;
          const waitMs = failed.delay(`${uid}/${nodeOf(pod)}`, now);
          if (waitMs === 0) {
            const message = `Found failed daemon pod ${objectKey(pod)} on node ${nodeOf(pod)}, will try to kill it`;
            recorder.event(set, 'Warning', 'FailedDaemonPod', message);
          } else waits.push(waitMs);
          return waitMs === 0;
        });
        await apply(key, set, { create, remove }, { control, expectations, hash });
      }
      await writeStatus(context, set, daemonSetStatus(set, allNodes.list(), mine, hash, now));
      const inUse = new Set(
        history
          .of(set)
          .filter((kept) => isUsed(kept, mine))
          .map(({ metadata }) => metadata.name),
      );
      await history.prune(set, inUse.add(revision.metadata.name));
      if (set.spec.minReadySeconds !== undefined && set.spec.minReadySeconds > 0) {
        waits.push(set.spec.minReadySeconds * 1000);
      }
      return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) } : undefined;
    },
  };
}

function isUsed(revision: Parameters<typeof revisionHashOf>[0], pods: readonly Pod[]): boolean {
  return pods.some(({ metadata }) => metadata.labels?.[revisionHashLabel] === revisionHashOf(revision));
}

async function apply(
  key: string,
  set: DaemonSet,
  { create, remove }: DaemonPlan,
  { control, expectations, hash }: { control: PodControl; expectations: Expectations; hash: string },
): Promise<void> {
  // Deletions are asked for again as long as the cache shows the pod, which does no harm; creations must be counted.
  if (create.length > 0) expectations.expectCreations(key, create.length);
  const { succeeded, failure } = await slowStart(create.length, (index) =>
    control.create(set, set.spec.template, (pod) => {
      bindToNode(pod, create[index] ?? '');
      pod.metadata.labels = { ...pod.metadata.labels, [revisionHashLabel]: hash };
    }),
  );
  for (let missing = succeeded; missing < create.length; missing++) expectations.creationObserved(key);
  for (const pod of remove) {
    await control.delete(set, pod).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
  if (failure !== undefined) throw failure;
}

export function daemonSetStatus(
  set: DaemonSet,
  nodes: readonly Node[],
  pods: readonly Pod[],
  hash: string,
  now: number,
): DaemonSetStatus {
  const byNode = Map.groupBy(pods, nodeOf);
  const status = { desired: 0, current: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  for (const node of nodes) {
    const here = byNode.get(node.metadata.name) ?? [];
    if (!nodeWants(set, node).run) {
      if (here.length > 0) status.misscheduled++;
      continue;
    }
    status.desired++;
    const [pod] = here.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (here.length > 0) status.current++;
    if (pod === undefined) continue;
    if (isPodReady(pod)) status.ready++;
    if (isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now)) status.available++;
    if (pod.metadata.labels?.[revisionHashLabel] === hash) status.updated++;
  }
  const unavailable = status.desired - status.available;
  return {
    currentNumberScheduled: status.current,
    numberMisscheduled: status.misscheduled,
    desiredNumberScheduled: status.desired,
    numberReady: status.ready,
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    ...(status.updated === 0 ? {} : { updatedNumberScheduled: status.updated }),
    ...(status.available === 0 ? {} : { numberAvailable: status.available }),
    ...(unavailable === 0 ? {} : { numberUnavailable: unavailable }),
  };
}

async function writeStatus({ client }: ControllerContext, set: DaemonSet, status: DaemonSetStatus): Promise<void> {
  const { collisionCount, conditions, ...old } = set.status ?? {};
  if (equal(old, status)) return;
  const kept = {
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions === undefined ? {} : { conditions }),
  };
  await client.resource(daemonSets).updateStatus({ ...set, status: { ...kept, ...status } });
}

function placementChanged(old: Node, node: Node): boolean {
  return !equal(old.spec?.taints, node.spec?.taints) || !equal(old.metadata.labels, node.metadata.labels);
}
