import { pullPolicyOf } from './image-policy.ts';
import { sumOfRequests } from './pod-resources.ts';
import { canonicalizeResources, isHugePages, type ResourceList } from './resource-list.ts';
import type { Container, EphemeralContainer, Pod, PodSpec, PodTemplateSpec, Probe } from './types.generated.ts';
import { applyVolumeDefaults } from './volume-defaults.ts';

/** Everything a Pod gets that a template does not: requests from limits, host ports, service links. */
export function applyPodDefaults(pod: Pod): void {
  const spec = pod.spec;
  if (spec === undefined || spec === null) return;
  for (const container of spec.containers ?? []) requestsFromLimits(container);
  for (const container of spec.initContainers ?? []) requestsFromLimits(container);
  podRequestsFromContainers(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork === true) {
    hostPortsFromContainerPorts(spec.containers);
    hostPortsFromContainerPorts(spec.initContainers);
  }
  applyPodSpecDefaults(spec);
}

export function applyPodTemplateDefaults(template: PodTemplateSpec | undefined | null): void {
  if (template === undefined || template === null) return;
  if (template.spec !== undefined && template.spec !== null) applyPodSpecDefaults(template.spec);
}

/** The defaults of a pod spec wherever it stands (pkg/apis/core/v1/defaults.go). */
export function applyPodSpecDefaults(spec: PodSpec): void {
  for (const container of spec.containers ?? []) applyContainerDefaults(container);
  for (const container of spec.initContainers ?? []) applyContainerDefaults(container);
  for (const container of spec.ephemeralContainers ?? []) applyContainerDefaults(container);
  for (const volume of spec.volumes ?? []) applyVolumeDefaults(volume);
  spec.restartPolicy ||= 'Always';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ||= 'ClusterFirst';
  applyServiceAccountAlias(spec);
  spec.securityContext ??= {};
  spec.schedulerName ||= 'default-scheduler';
  canonicalizeResources(spec.overhead);
  canonicalizeResources(spec.resources?.limits);
  canonicalizeResources(spec.resources?.requests);
}

/** `serviceAccount` is the old name of `serviceAccountName`; answers always carry both. */
export function applyServiceAccountAlias(spec: PodSpec): void {
  if (spec.serviceAccountName === undefined || spec.serviceAccountName === '') {
    if (spec.serviceAccount !== undefined && spec.serviceAccount !== '') spec.serviceAccountName = spec.serviceAccount;
  } else spec.serviceAccount = spec.serviceAccountName;
}

function applyContainerDefaults(container: Container | EphemeralContainer): void {
  for (const variable of container.env ?? []) {
    const from = variable.valueFrom;
    if (from === undefined || from === null) continue;
    if (from.fieldRef) from.fieldRef.apiVersion ||= 'v1';
    if (from.resourceFieldRef) from.resourceFieldRef.divisor ??= '0';
    if (from.fileKeyRef) from.fileKeyRef.optional ??= false;
  }
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  container.resources ??= {};
  canonicalizeResources(container.resources.limits);
  canonicalizeResources(container.resources.requests);
  applyProbeDefaults(container.livenessProbe);
  applyProbeDefaults(container.readinessProbe);
  applyProbeDefaults(container.startupProbe);
  applyHandlerDefaults(container.lifecycle?.postStart);
  applyHandlerDefaults(container.lifecycle?.preStop);
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.imagePullPolicy ||= pullPolicyOf(container.image ?? '');
}

function applyProbeDefaults(probe: Probe | undefined | null): void {
  if (probe === undefined || probe === null) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.grpc) probe.grpc.service ??= '';
  applyHandlerDefaults(probe);
}

function applyHandlerDefaults(handler: Pick<Probe, 'httpGet'> | undefined | null): void {
  const get = handler?.httpGet;
  if (get === undefined || get === null) return;
  get.path ||= '/';
  get.scheme ||= 'HTTP';
}

function requestsFromLimits(container: Container): void {
  const limits = container.resources?.limits;
  if (container.resources === undefined || limits === undefined || limits === null) return;
  container.resources.requests ??= {};
  const requests = container.resources.requests;
  for (const name of Object.keys(limits)) {
    const limit = limits[name];
    if (requests[name] === undefined && limit !== undefined) requests[name] = limit;
  }
}

/** Pod-level requests: the containers' sum where any asks for the resource, otherwise the pod's own limit. */
function podRequestsFromContainers(spec: PodSpec): void {
  const resources = spec.resources;
  if (resources === undefined || resources === null) return;
  const requests: ResourceList = resources.requests ?? {};
  const asked = sumOfRequests(spec.containers ?? []);
  for (const name of Object.keys(asked)) {
    const amount = asked[name];
    const limited = name === 'cpu' || name === 'memory' || isHugePages(name);
    if (limited && requests[name] === undefined && amount !== undefined) requests[name] = amount;
  }
  for (const name of Object.keys(resources.limits ?? {})) {
    const limit = resources.limits?.[name];
    if (requests[name] === undefined && limit !== undefined) requests[name] = limit;
  }
  if (Object.keys(requests).length > 0) resources.requests = requests;
}

function hostPortsFromContainerPorts(containers: readonly Container[] | undefined): void {
  for (const container of containers ?? []) {
    for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
}
