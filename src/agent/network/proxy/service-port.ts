import { createHash } from 'node:crypto';
import type { Service, ServicePort as ServicePortSpec } from '../../../api/core/v1/types.generated.ts';
import type { Endpoint, EndpointSlice } from '../../../api/discovery/v1/types.generated.ts';
import { objectKey } from '../../../machinery/meta.ts';
import { parseIpv4 } from '../ipv4.ts';

/** One port of one service with everything the rules of this node need, upstream's policies already applied. */
export interface ServicePort {
  /** Stable, short, fit for the name of a chain. */
  readonly id: string;
  /** `namespace/name:port`, for people who list the rules. */
  readonly title: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
  readonly clusterIps: readonly string[];
  /** External addresses and those a load balancer gave. */
  readonly externalIps: readonly string[];
  readonly loadBalancerIps: readonly string[];
  readonly sourceRanges: readonly string[];
  /** 0 for none. */
  readonly nodePort: number;
  /** Seconds a client stays with its endpoint; 0 for no affinity. */
  readonly affinitySeconds: number;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  readonly endpoints: readonly Target[];
  /** Those of `endpoints` on this node. */
  readonly localEndpoints: readonly Target[];
}

export interface Target {
  readonly address: string;
  readonly port: number;
}

const affinitySecondsDefault = 10_800;

export interface ServiceView {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly nodeName: string;
}

/** Empty for services without an address of their own: headless, ExternalName, or left to another proxy. */
export function servicePortsOf(view: ServiceView): ServicePort[] {
  const { spec, metadata } = view.service;
  const ips = (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).filter(isIpv4);
  const othersProxy = metadata.labels?.['service.kubernetes.io/service-proxy-name'] !== undefined;
  if (spec === undefined || ips.length === 0 || spec.type === 'ExternalName' || othersProxy) return [];
  return (spec.ports ?? []).map((port) => servicePort(view, port, ips));
}

/** `namespace/name` of the service a slice belongs to. */
export function serviceKeyOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.['kubernetes.io/service-name'];
  return name === undefined ? undefined : `${slice.metadata.namespace}/${name}`;
}

function servicePort(view: ServiceView, port: ServicePortSpec, clusterIps: readonly string[]): ServicePort {
  const { service, nodeName } = view;
  const { spec, status } = service;
  const title = `${objectKey(service)}:${port.name ?? ''}`;
  const protocol = protocolOf(port.protocol);
  const usable = usableEndpoints(view.slices, port);
  const external = spec?.type === 'NodePort' || spec?.type === 'LoadBalancer';
  const ingress = status?.loadBalancer?.ingress ?? [];
  return {
    id: createHash('sha1').update(`${title}/${protocol}`).digest('hex').slice(0, 12),
    title,
    protocol,
    port: port.port,
    clusterIps,
    externalIps: (spec?.externalIPs ?? []).filter(isIpv4),
    loadBalancerIps: ingress.flatMap(({ ip, ipMode }) =>
      ip !== undefined && isIpv4(ip) && ipMode !== 'Proxy' ? [ip] : [],
    ),
    sourceRanges: (spec?.loadBalancerSourceRanges ?? [])
      .map((range) => range.trim())
      .filter((range) => !range.includes(':')),
    nodePort: external ? (port.nodePort ?? 0) : 0,
    affinitySeconds:
      spec?.sessionAffinity === 'ClientIP'
        ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinitySecondsDefault)
        : 0,
    internalLocal: spec?.internalTrafficPolicy === 'Local',
    externalLocal: spec?.externalTrafficPolicy === 'Local',
    endpoints: usable(() => true),
    localEndpoints: usable((endpoint) => endpoint.nodeName === nodeName),
  };
}

/**
 * The targets of a port among the endpoints a filter lets through: the ready ones, or, when there are none, those that
 * still serve while they terminate.
 */
function usableEndpoints(
  slices: readonly EndpointSlice[],
  port: ServicePortSpec,
): (filter: (endpoint: Endpoint) => boolean) => Target[] {
  return (filter) => {
    const ready = new Map<string, Target>();
    const leaving = new Map<string, Target>();
    for (const slice of slices) {
      const target = slice.ports?.find(
        (one) => (one.name ?? '') === (port.name ?? '') && protocolOf(one.protocol) === protocolOf(port.protocol),
      )?.port;
      if (slice.addressType !== 'IPv4' || target === undefined) continue;
      for (const endpoint of slice.endpoints ?? []) {
        if (!filter(endpoint)) continue;
        const { ready: isReady = true, serving = isReady, terminating = false } = endpoint.conditions ?? {};
        const into = isReady ? ready : serving && terminating ? leaving : undefined;
        const address = endpoint.addresses[0];
        if (into !== undefined && address !== undefined) into.set(`${address}:${target}`, { address, port: target });
      }
    }
    const chosen = ready.size > 0 ? ready : leaving;
    return [...chosen.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, target]) => target);
  };
}

function protocolOf(protocol: string | undefined): 'tcp' | 'udp' | 'sctp' {
  return protocol === 'UDP' ? 'udp' : protocol === 'SCTP' ? 'sctp' : 'tcp';
}

function isIpv4(text: string): boolean {
  return parseIpv4(text) !== undefined;
}
