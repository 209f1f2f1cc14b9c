import { type HostTask, type HostTaskSpec, hostTasks } from '../../api/fleet/v1/host-task.ts';
import type { KubeObject } from '../../machinery/meta.ts';

/** A task that `owner` manages; it goes when the owner goes. */
export function taskFor(owner: KubeObject, name: string, spec: HostTaskSpec): HostTask {
  const { apiVersion, kind, metadata } = owner;
  return {
    apiVersion,
    kind: hostTasks.kind,
    metadata: {
      name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true }],
    },
    spec,
  };
}

/** The key of the task's owner, where that is of `kind`. */
export function ownerOfTask({ metadata }: HostTask, kind: string): string | undefined {
  const owner = metadata.ownerReferences?.find((reference) => reference.controller === true && reference.kind === kind);
  return owner === undefined ? undefined : `${metadata.namespace ?? ''}/${owner.name}`;
}

export function isOwnedBy({ metadata }: HostTask, owner: KubeObject): boolean {
  return metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) === true;
}
