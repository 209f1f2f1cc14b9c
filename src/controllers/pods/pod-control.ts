import type { Pod, PodTemplateSpec } from '../../api/core/v1/types.generated.ts';
import { pods } from '../../api/resource-types.ts';
import type { Client, EventRecorder } from '../../client/index.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { isApiError, isNotFound } from '../../machinery/status-error.ts';
import { controllerReferenceTo } from '../owners.ts';

/** Makes and deletes the pods of one kind of controller, and says so in Events about the owner. */
export interface PodControl {
  /** `overrides` may give the pod its name; otherwise the owner's name and a random end. */
  create(owner: KubeObject, template: PodTemplateSpec, change?: (pod: Pod) => void): Promise<Pod>;
  delete(owner: KubeObject, pod: Pod): Promise<void>;
}

export function createPodControl(client: Client, recorder: EventRecorder): PodControl {
  return {
    async create(owner, template, change) {
      const pod = podFromTemplate(owner, template);
      change?.(pod);
      try {
        const made = await client.resource(pods).create(pod);
        recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
        return made;
      } catch (error) {
        // A namespace that is going away refuses everything: that is not the user's trouble.
        if (!isNamespaceTerminating(error)) {
          recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
        }
        throw error;
      }
    },
    async delete(owner, pod) {
      const uid = pod.metadata.uid;
      try {
        await client.resource(pods).delete(pod.metadata, uid === undefined ? {} : { preconditions: { uid } });
        recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
      } catch (error) {
        if (isNotFound(error)) throw error;
        recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
        throw error;
      }
    },
  };
}

export function podFromTemplate(owner: KubeObject, template: PodTemplateSpec): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      // Filled by the server from generateName.
      ...({} as { name: string }),
      ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
      generateName: `${owner.metadata.name}-`,
      ...(labels === undefined ? {} : { labels: { ...labels } }),
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }),
      ownerReferences: [controllerReferenceTo(owner)],
    },
    spec: structuredClone(template.spec ?? { containers: [] }),
  };
}

/** Nothing can be made there any more: the namespace is going away, or gone. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!isApiError(error)) return false;
  const { reason, details } = error.status;
  if (reason === 'NotFound') return details?.kind === 'namespaces';
  return reason === 'Forbidden' && details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
