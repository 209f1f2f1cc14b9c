import { isIPv6 } from 'node:net';
import { equal } from '../../../machinery/json.ts';
import type { Service, ServicePort, ServiceSpec } from './types.generated.ts';

const affinityTimeoutSecondsDefault = 10800;

export function applyServiceDefaults(service: Service): void {
  service.spec ??= {};
  const { spec } = service;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= affinityTimeoutSecondsDefault;
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  }
  const { type } = spec;
  const isBalanced = type === 'LoadBalancer';
  if (type === 'NodePort' || isBalanced || (type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0)) {
    spec.externalTrafficPolicy ||= 'Cluster';
  }
  if (type === 'NodePort' || isBalanced || type === 'ClusterIP') spec.internalTrafficPolicy ||= 'Cluster';
  if (isBalanced) {
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  }
  if (type !== 'ExternalName') applyFamilyDefaults(spec);
}

/** What the address allocator of a one-family cluster answers when the client leaves it open. */
function applyFamilyDefaults(spec: ServiceSpec): void {
  const isOpen = isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0;
  const policy = spec.ipFamilyPolicy;
  spec.ipFamilyPolicy ||= isOpen && (spec.ipFamilies ?? []).length === 0 ? 'RequireDualStack' : 'SingleStack';
  if ((spec.ipFamilies ?? []).length > 0) return;
  if (isOpen && (policy === undefined || policy === '' || policy === 'RequireDualStack')) {
    spec.ipFamilies = ['IPv4', 'IPv6'];
  } else spec.ipFamilies = [isIPv6(spec.clusterIP ?? '') ? 'IPv6' : 'IPv4'];
}

/** A client may know only the singular `clusterIP`. */
export function prepareServiceForCreate(service: Service): void {
  const spec = service.spec;
  if (spec === undefined || spec === null) return;
  if (spec.clusterIP && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [spec.clusterIP];
}

/**
 * What was allocated stays allocated when the client leaves it out, and goes when the new type has no use for it
 * (pkg/registry/core/service: NormalizeClusterIPs, dropTypeDependentFields, PatchAllocatedValues).
 */
export function prepareServiceForUpdate(service: Service, old: Service): void {
  service.spec ??= {};
  const { spec } = service;
  const before = old.spec ?? {};
  const type = spec.type || 'ClusterIP';
  normalizeClusterIps(spec, before);
  dropUnused(spec, before, type);
  keepAllocated(spec, before, type);
}

export function isHeadless(spec: ServiceSpec | undefined): boolean {
  return spec?.clusterIP === 'None' || spec?.clusterIPs?.[0] === 'None';
}

const needsClusterIp = (type: string): boolean => type !== 'ExternalName';
const needsNodePort = (type: string): boolean => type === 'NodePort' || type === 'LoadBalancer';

/** Keeps the singular and the list in step when a client has changed only the one that it knows. */
function normalizeClusterIps(spec: ServiceSpec, before: ServiceSpec): void {
  const was = before.clusterIP ?? '';
  const is = spec.clusterIP ?? '';
  const isSameList = equal(spec.clusterIPs ?? [], before.clusterIPs ?? []);
  if (was !== is && is !== '' && (isSameList || (spec.clusterIPs ?? []).length === 0)) spec.clusterIPs = [is];
  else if (was !== is && is === '' && isSameList) delete spec.clusterIPs;
}

function dropUnused(spec: ServiceSpec, before: ServiceSpec, type: string): void {
  const wasType = before.type ?? 'ClusterIP';
  if (needsClusterIp(wasType) && !needsClusterIp(type)) {
    if (equal(spec.clusterIPs ?? [], before.clusterIPs ?? [])) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (equal(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
    if (spec.internalTrafficPolicy === before.internalTrafficPolicy) delete spec.internalTrafficPolicy;
  }
  if (needsNodePort(wasType) && !needsNodePort(type)) {
    const used = new Set((before.ports ?? []).map((port) => port.nodePort ?? 0));
    if ((spec.ports ?? []).every((port) => used.has(port.nodePort ?? 0) || !port.nodePort)) {
      for (const port of spec.ports ?? []) delete port.nodePort;
    }
    const hasExternalIps = type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0;
    if (!hasExternalIps && spec.externalTrafficPolicy === before.externalTrafficPolicy) {
      delete spec.externalTrafficPolicy;
    }
  }
  if (wasType === 'LoadBalancer' && type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts) {
      delete spec.allocateLoadBalancerNodePorts;
    }
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (!needsHealthCheck(spec, type) && spec.healthCheckNodePort === before.healthCheckNodePort) {
    delete spec.healthCheckNodePort;
  }
}

function needsHealthCheck(spec: ServiceSpec, type: string): boolean {
  return type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

function keepAllocated(spec: ServiceSpec, before: ServiceSpec, type: string): void {
  const wasType = before.type ?? 'ClusterIP';
  if (needsClusterIp(wasType) && needsClusterIp(type)) {
    if (!spec.clusterIP && before.clusterIP !== undefined && (spec.clusterIPs ?? []).length === 0) {
      spec.clusterIP = before.clusterIP;
    }
    if (
      (spec.clusterIPs ?? []).length === 0 &&
      spec.clusterIP === before.clusterIP &&
      before.clusterIPs !== undefined
    ) {
      spec.clusterIPs = before.clusterIPs;
    }
    if (!spec.ipFamilyPolicy && before.ipFamilyPolicy !== undefined) spec.ipFamilyPolicy = before.ipFamilyPolicy;
    if ((spec.ipFamilies ?? []).length === 0 && before.ipFamilies !== undefined) spec.ipFamilies = before.ipFamilies;
  }
  if (needsNodePort(wasType) && needsNodePort(type)) {
    const known = new Map((before.ports ?? []).map((port) => [portKey(port), port.nodePort]));
    for (const port of spec.ports ?? []) {
      const nodePort = port.nodePort ? undefined : known.get(portKey(port));
      if (nodePort !== undefined) port.nodePort = nodePort;
    }
  }
  if (needsHealthCheck(before, wasType) && needsHealthCheck(spec, type) && before.healthCheckNodePort !== undefined) {
    spec.healthCheckNodePort ||= before.healthCheckNodePort;
  }
}

function portKey({ protocol = 'TCP', port }: ServicePort): string {
  return `${protocol}/${port}`;
}
