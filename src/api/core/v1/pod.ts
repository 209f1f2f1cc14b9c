import { clone, equal } from '../../../machinery/json.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import type { ResourceDefinition, UpdateStrategy } from '../../resource.ts';
import { customSubresource, defineResource } from '../../strategy.ts';
import { applyMatchLabelKeys } from './match-label-keys.ts';
import { podColumns } from './pod-columns.ts';
import { applyPodDefaults } from './pod-defaults.ts';
import { qosClassOf } from './pod-qos.ts';
import {
  validateEphemeralContainersUpdate,
  validatePodResize,
  validatePodStatusUpdate,
  validatePodUpdate,
} from './pod-update.ts';
import { validatePodCreate } from './pod-validation.ts';
import { podWarnings } from './pod-warnings.ts';
import type { Container, Pod, PodCondition, PodStatus } from './types.generated.ts';

const connectVerbs = ['create', 'get'] as const;
const proxyVerbs = ['create', 'delete', 'get', 'patch', 'update'] as const;
const writeVerbs = ['get', 'patch', 'update'] as const;

export const podResource: ResourceDefinition = defineResource<Pod>({
  version: 'v1',
  kind: 'Pod',
  resource: 'pods',
  returnsDeletedObject: true,
  shortNames: ['po'],
  categories: ['all'],
  schema: 'core/v1.Pod',
  columns: podColumns,
  selectableFields: {
    'spec.nodeName': (pod) => pod.spec?.nodeName ?? '',
    'spec.restartPolicy': (pod) => pod.spec?.restartPolicy ?? '',
    'spec.schedulerName': (pod) => pod.spec?.schedulerName ?? '',
    'spec.serviceAccountName': (pod) => pod.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (pod) => String(pod.spec?.hostNetwork === true),
    'status.phase': (pod) => pod.status?.phase ?? '',
    'status.podIP': (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? '',
    'status.nominatedNodeName': (pod) => pod.status?.nominatedNodeName ?? '',
  },
  generation: ['spec'],
  initialStatus,
  prepareForCreate: applyMatchLabelKeys,
  defaults: applyPodDefaults,
  validate: validatePodCreate,
  validateUpdate: validatePodUpdate,
  warnings: podWarnings,
  defaultGracePeriodSeconds,
  statusSubresource: {
    keepMetadata: ['ownerReferences'],
    prepareForUpdate: keepAssigned,
    validateUpdate: validatePodStatusUpdate,
  },
  subresources: [
    customSubresource('attach', 'PodAttachOptions', connectVerbs),
    customSubresource('binding', 'Binding', ['create']),
    {
      ...customSubresource('ephemeralcontainers', 'Pod', writeVerbs),
      strategy: partStrategy(takeEphemeralContainers, validateEphemeralContainersUpdate),
    },
    customSubresource('eviction', 'Eviction', ['create'], { group: 'policy', version: 'v1' }),
    customSubresource('exec', 'PodExecOptions', connectVerbs),
    customSubresource('log', 'Pod', ['get']),
    customSubresource('portforward', 'PodPortForwardOptions', connectVerbs),
    customSubresource('proxy', 'PodProxyOptions', proxyVerbs),
    { ...customSubresource('resize', 'Pod', writeVerbs), strategy: partStrategy(takeResources, validatePodResize) },
  ],
});

function initialStatus(pod: Pod): PodStatus {
  const status: PodStatus = { phase: 'Pending' };
  if (pod.spec === undefined || pod.spec === null) return status;
  status.qosClass = qosClassOf(pod.spec);
  if ((pod.spec.schedulingGates ?? []).length > 0) status.conditions = [gatedCondition];
  return status;
}

const gatedCondition: PodCondition = Object.freeze({
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
});

/** A pod that no agent holds, or that has ended, has nothing to be given time for. */
function defaultGracePeriodSeconds(pod: Pod): number {
  const { phase } = pod.status ?? {};
  if (!pod.spec?.nodeName || phase === 'Failed' || phase === 'Succeeded') return 0;
  const seconds = pod.spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}

/** The QoS class is set once, and claims are reported by their own controller. */
function keepAssigned(pod: Pod, old: Pod): void {
  if (pod.status === undefined) pod.status = {};
  const before = old.status ?? {};
  if (before.qosClass !== undefined) pod.status.qosClass = before.qosClass;
  if (before.resourceClaimStatuses !== undefined) pod.status.resourceClaimStatuses ??= before.resourceClaimStatuses;
}

/** A subresource that writes a part of the spec: `take` copies that part onto a spec that is otherwise the old one. */
function partStrategy(
  take: (spec: Pod['spec'], from: Pod['spec']) => void,
  validate: (pod: Pod, old: Pod) => ReturnType<UpdateStrategy['validateUpdate']>,
): UpdateStrategy {
  return {
    prepareForUpdate(object, old) {
      const pod = asPod(object);
      const before = asPod(old);
      const spec = clone(before.spec ?? { containers: [] });
      take(spec, pod.spec);
      const { resourceVersion } = pod.metadata;
      pod.metadata = { ...before.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      pod.spec = spec;
      if (before.status === undefined) delete pod.status;
      else pod.status = before.status;
      applyPodDefaults(pod);
      if (!equal(spec, before.spec)) pod.metadata.generation = (before.metadata.generation ?? 0) + 1;
    },
    validateUpdate: (object, old) => validate(asPod(object), asPod(old)),
  };
}

function asPod(object: UnknownObject): Pod {
  return object as unknown as Pod;
}

function takeEphemeralContainers(spec: Pod['spec'], from: Pod['spec']): void {
  if (from?.ephemeralContainers === undefined) delete spec.ephemeralContainers;
  else spec.ephemeralContainers = from.ephemeralContainers;
}

function takeResources(spec: Pod['spec'], from: Pod['spec']): void {
  takeContainerResources(spec.containers, from?.containers);
  takeContainerResources(spec.initContainers, from?.initContainers);
  if (from?.resources !== undefined) spec.resources = from.resources;
}

function takeContainerResources(containers: Container[] | undefined, from: readonly Container[] | undefined): void {
  const byName = new Map((from ?? []).map((container) => [container.name, container]));
  for (const container of containers ?? []) {
    const asked = byName.get(container.name);
    if (asked?.resources !== undefined) container.resources = asked.resources;
    if (asked?.resizePolicy !== undefined) container.resizePolicy = asked.resizePolicy;
  }
}
