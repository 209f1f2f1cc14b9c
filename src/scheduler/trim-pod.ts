import type { Container, ContainerStatus, Pod, PodStatus } from '../api/core/v1/types.generated.ts';
import type { KubeObject } from '../machinery/meta.ts';

/**
 * What placement reads of a pod, as the scheduler's cache holds every pod of the cluster: without environments, probes,
 * mounts, annotations and most of the status a pod takes a fraction of its memory.
 */
export function trimPod(object: KubeObject): KubeObject {
  const { metadata, spec, status, ...rest } = object as Pod;
  const { managedFields: _fields, annotations: _annotations, ...kept } = metadata;
  return {
    ...rest,
    metadata: kept,
    ...(spec === undefined
      ? {}
      : {
          spec: {
            ...spec,
            containers: spec.containers.map(trimContainer),
            ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(trimContainer) }),
          },
        }),
    ...(status === undefined ? {} : { status: trimStatus(status) }),
  } as Pod;
}

function trimContainer({ name, image, ports, resources, restartPolicy }: Container): Container {
  return {
    name,
    ...(image === undefined ? {} : { image }),
    ...(ports === undefined ? {} : { ports }),
    ...(resources === undefined ? {} : { resources }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  };
}

function trimStatus({ phase, nominatedNodeName, startTime, conditions, containerStatuses }: PodStatus): PodStatus {
  const scheduled = conditions?.filter(({ type }) => type === 'PodScheduled');
  const resized = containerStatuses?.filter(
    ({ allocatedResources, resources }) => allocatedResources !== undefined || resources !== undefined,
  );
  return {
    ...(phase === undefined ? {} : { phase }),
    ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(scheduled === undefined ? {} : { conditions: scheduled }),
    ...(resized === undefined || resized.length === 0 ? {} : { containerStatuses: resized.map(trimContainerStatus) }),
  };
}

function trimContainerStatus({ name, allocatedResources, resources, ...status }: ContainerStatus): ContainerStatus {
  return {
    name,
    image: status.image,
    imageID: status.imageID,
    ready: status.ready,
    restartCount: status.restartCount,
    ...(allocatedResources === undefined ? {} : { allocatedResources }),
    ...(resources === undefined ? {} : { resources }),
  };
}
