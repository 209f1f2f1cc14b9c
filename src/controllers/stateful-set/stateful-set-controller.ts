import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '../../api/apps/v1/types.generated.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/core/v1/types.generated.ts';
import { persistentVolumeClaims, pods, statefulSets } from '../../api/resource-types.ts';
import { type Client, createWorkQueue } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { selectorOf } from '../../machinery/labels.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isAlreadyExists, isNotFound } from '../../machinery/status-error.ts';
import { claim } from '../claim.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { Expectations } from '../expectations.ts';
import { watchOwnedPods } from '../pods/owned-pods.ts';
import { messageOf, podFromTemplate } from '../pods/pod-control.ts';
import { podIndex } from '../pods/pod-index.ts';
import { isPodAvailable, isPodReady } from '../pods/pod-state.ts';
import { RevisionHistory, revisionHashLabel, templateOf } from '../revisions.ts';
import { ownersOfClaim } from './claim-retention.ts';
import { ordinalOf, planStatefulSet, podName, type SetRevisions } from './stateful-plan.ts';

/** Pods with names and volumes of their own. Inputs: StatefulSets, Pods. Outputs: Pods, their claims, status. */
export function statefulSetController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const sets = informers.informer(statefulSets);
  const index = podIndex(informers);
  const claims = informers.informer(persistentVolumeClaims);
  const history = new RevisionHistory(client, informers);
  const expectations = new Expectations();
  const recorder = context.recorder('statefulset-controller');
  sets.addHandler({
    added: (set) => queue.add(objectKey(set)),
    updated: (_old, set) => queue.add(objectKey(set)),
  });
  watchOwnedPods({ kind: 'StatefulSet', owners: sets, pods: index.informer, expectations, queue });

  const ensureClaim = async (wanted: PersistentVolumeClaim): Promise<void> => {
    const present = claims.get(objectKey(wanted));
    if (present?.metadata.deletionTimestamp !== undefined) {
      throw new Error(`pvc ${wanted.metadata.name} is being deleted`);
    }
    if (present !== undefined) return;
    try {
      await client.resource(persistentVolumeClaims).create(wanted);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  };
  /** Before a pod that is given up is deleted, or its claims would be left behind. */
  const settleOwners = async (set: StatefulSet, pod: Pod): Promise<void> => {
    const ordinal = ordinalOf(set, pod);
    const start = set.spec.ordinals?.start ?? 0;
    const isScaledDown = ordinal < start || ordinal >= start + (set.spec.replicas ?? 1);
    for (const wanted of claimsFor(set, ordinal)) {
      const claim = claims.get(objectKey(wanted));
      if (claim === undefined) continue;
      const ownerReferences = ownersOfClaim(set, claim, { pod, isScaledDown });
      if (equal(ownerReferences, claim.metadata.ownerReferences ?? [])) continue;
      await client
        .resource(persistentVolumeClaims)
        .update({ ...claim, metadata: { ...claim.metadata, ownerReferences } });
    }
  };
  const createPod = async (set: StatefulSet, ordinal: number, revision: ControllerRevision): Promise<void> => {
    const pod = podFor(set, ordinal, revision);
    try {
      for (const wanted of claimsFor(set, ordinal)) await ensureClaim(wanted);
      await client.resource(pods).create(pod);
      recorder.event(
        set,
        'Normal',
        'SuccessfulCreate',
        `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`,
      );
    } catch (error) {
      // Names are fixed: one that the cache has not seen yet is there, and its event brings us back.
      if (isAlreadyExists(error)) return;
      recorder.event(
        set,
        'Warning',
        'FailedCreate',
        `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} failed error: ${messageOf(error)}`,
      );
      throw error;
    }
  };
  const removePod = async (set: StatefulSet, pod: Pod): Promise<void> => {
    const { uid, name } = pod.metadata;
    try {
      await client.resource(pods).delete(pod.metadata, uid === undefined ? {} : { preconditions: { uid } });
      recorder.event(
        set,
        'Normal',
        'SuccessfulDelete',
        `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`,
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  return {
    name: 'statefulset',
    queue,
    async reconcile(key) {
      const set = sets.get(key);
      if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
      const { namespace = '', name, uid = '' } = set.metadata;
      const candidates = [
        ...index.controlledBy(uid),
        ...index.orphansIn(namespace).filter((pod) => ordinalOf(set, pod) >= 0),
      ];
      const mine = await claim(candidates, {
        owner: set,
        freshOwner: () => client.resource(statefulSets).get({ namespace, name }),
        selector: selectorOf(set.spec.selector),
        client: client.resource(pods),
      });
      const update = await history.current(set);
      const revisions = [...history.of(set).filter(({ metadata }) => metadata.name !== update.metadata.name), update];
      const current = revisions.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
      const names: SetRevisions = { current: current.metadata.name, update: update.metadata.name };
      const now = Date.now();
      const plan = planStatefulSet(set, mine, names, now);
      await writeStatus(client, set, statefulSetStatus(set, mine, names, now));
      if (set.spec.volumeClaimTemplates !== undefined) for (const pod of mine) await settleOwners(set, pod);
      for (const { ordinal, revision } of plan.create) {
        await createPod(set, ordinal, revision === names.current ? current : update);
      }
      for (const pod of plan.remove) await removePod(set, pod);
      const inUse = new Set(mine.map(({ metadata }) => metadata.labels?.[revisionHashLabel] ?? ''));
      await history.prune(set, inUse.add(names.current).add(names.update));
      const minReadyMs = (set.spec.minReadySeconds ?? 0) * 1000;
      return minReadyMs > 0 ? { requeueAfterMs: minReadyMs } : undefined;
    },
  };
}

function podFor(set: StatefulSet, ordinal: number, revision: ControllerRevision): Pod {
  const pod = podFromTemplate(set, templateOf(revision));
  const name = podName(set, ordinal);
  pod.metadata.name = name;
  delete pod.metadata.generateName;
  pod.metadata.labels = {
    ...pod.metadata.labels,
    'apps.kubernetes.io/pod-index': String(ordinal),
    [revisionHashLabel]: revision.metadata.name,
    'statefulset.kubernetes.io/pod-name': name,
  };
  const spec = pod.spec ?? { containers: [] };
  const claims = claimsFor(set, ordinal);
  const volumes = (set.spec.volumeClaimTemplates ?? []).map((template, index) => ({
    name: template.metadata.name,
    persistentVolumeClaim: { claimName: claims[index]?.metadata.name ?? '' },
  }));
  const others = (spec.volumes ?? []).filter((volume) => !volumes.some(({ name: taken }) => taken === volume.name));
  pod.spec = {
    ...spec,
    hostname: name,
    ...(set.spec.serviceName === undefined || set.spec.serviceName === '' ? {} : { subdomain: set.spec.serviceName }),
    ...(volumes.length + others.length === 0 ? {} : { volumes: [...volumes, ...others] }),
  };
  return pod;
}

function claimsFor(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  const ownerReferences = ownersOfClaim(set, { metadata: { name: '' } }, { pod: undefined, isScaledDown: false });
  return (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    ...template,
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      ...template.metadata,
      name: `${template.metadata.name}-${podName(set, ordinal)}`,
      ...(set.metadata.namespace === undefined ? {} : { namespace: set.metadata.namespace }),
      labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
      ...(ownerReferences.length === 0 ? {} : { ownerReferences }),
    },
  }));
}

export function statefulSetStatus(
  set: StatefulSet,
  mine: readonly Pod[],
  { current, update }: SetRevisions,
  now: number,
): StatefulSetStatus {
  const revisionOf = ({ metadata }: Pod): string | undefined => metadata.labels?.[revisionHashLabel];
  const alive = mine.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const ready = alive.filter(isPodReady).length;
  const available = alive.filter((pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now)).length;
  const updated = alive.filter((pod) => revisionOf(pod) === update).length;
  const replicas = set.spec.replicas ?? 1;
  // The rollout is over when all pods have the new revision and work: it is the current one then.
  const isOver = updated === replicas && mine.length === replicas && ready === replicas;
  const currentRevision = isOver ? update : current;
  const onCurrent = alive.filter((pod) => revisionOf(pod) === currentRevision).length;
  return {
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    replicas: mine.length,
    ...(ready === 0 ? {} : { readyReplicas: ready }),
    availableReplicas: available,
    ...(onCurrent === 0 ? {} : { currentReplicas: onCurrent }),
    ...(updated === 0 ? {} : { updatedReplicas: updated }),
    currentRevision,
    updateRevision: update,
    collisionCount: set.status?.collisionCount ?? 0,
  };
}

async function writeStatus(client: Client, set: StatefulSet, status: StatefulSetStatus): Promise<void> {
  const conditions = set.status?.conditions;
  const full = conditions === undefined ? status : { ...status, conditions };
  if (equal(full, set.status ?? {})) return;
  try {
    await client.resource(statefulSets).updateStatus({ ...set, status: full });
  } catch (error) {
    // Gone meanwhile: nobody is left to tell.
    if (!isNotFound(error)) throw error;
  }
}
