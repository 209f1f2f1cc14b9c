import type { PersistentVolumeClaim, Pod, Volume } from '../api/core/v1/types.generated.ts';
import { persistentVolumeClaims } from '../api/resource-types.ts';
import { createWorkQueue } from '../client/index.ts';
import { objectKey } from '../machinery/meta.ts';
import { isAlreadyExists } from '../machinery/status-error.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { controllerReferenceTo, isControlledBy } from './owners.ts';
import { messageOf } from './pods/pod-control.ts';
import { podIndex } from './pods/pod-index.ts';

/** Makes the claims of pods' generic ephemeral volumes. Inputs: Pods. Outputs: PersistentVolumeClaims of theirs. */
export function ephemeralVolumeController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const pods = podIndex(informers).informer;
  const claims = informers.informer(persistentVolumeClaims);
  const recorder = context.recorder('ephemeral_volume');
  const add = (pod: Pod): void => {
    if (pod.spec?.volumes?.some(({ ephemeral }) => ephemeral !== undefined) === true) queue.add(objectKey(pod));
  };
  pods.addHandler({ added: add });
  claims.addHandler({
    deleted: ({ metadata }) => {
      const owner = metadata.ownerReferences?.find(({ kind, controller }) => kind === 'Pod' && controller === true);
      const pod = pods.get(`${metadata.namespace ?? ''}/${owner?.name ?? ''}`);
      if (pod !== undefined) add(pod);
    },
  });

  const ensure = async (pod: Pod, volume: Volume): Promise<void> => {
    const wanted = claimFor(pod, volume);
    if (wanted === undefined) return;
    const present = claims.get(objectKey(wanted));
    if (present !== undefined) {
      if (isControlledBy(present, pod)) return;
      throw new Error(`PVC "${objectKey(wanted)}" was not created for pod "${objectKey(pod)}" (pod is not owner)`);
    }
    try {
      await client.resource(persistentVolumeClaims).create(wanted);
    } catch (error) {
      if (isAlreadyExists(error)) return;
      recorder.event(
        pod,
        'Warning',
        'FailedCreate',
        `ephemeral volume ${volume.name}: create PVC ${wanted.metadata.name}: ${messageOf(error)}`,
      );
      throw error;
    }
  };

  return {
    name: 'ephemeral-volume',
    queue,
    async reconcile(key) {
      const pod = pods.get(key);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
      for (const volume of pod.spec?.volumes ?? []) await ensure(pod, volume);
      return undefined;
    },
  };
}

function claimFor(pod: Pod, { name, ephemeral }: Volume): PersistentVolumeClaim | undefined {
  const template = ephemeral?.volumeClaimTemplate;
  if (template === undefined) return undefined;
  const { labels, annotations } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: `${pod.metadata.name}-${name}`,
      ...(pod.metadata.namespace === undefined ? {} : { namespace: pod.metadata.namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerReferenceTo(pod)],
    },
    spec: template.spec,
  };
}
