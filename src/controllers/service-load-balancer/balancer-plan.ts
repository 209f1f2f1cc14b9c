import type { LoadBalancerIngress, Node, Service } from '../../api/core/v1/types.generated.ts';

const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** Whether this controller is the one to say where the Service is reached. */
export function isBalanced({ spec, metadata }: Service): boolean {
  const hasOwnClass = spec.loadBalancerClass !== undefined && spec.loadBalancerClass !== '';
  return spec.type === 'LoadBalancer' && !hasOwnClass && metadata.deletionTimestamp === undefined;
}

/** Addresses of the nodes that work and want such traffic. */
export function balancerAddresses(nodes: readonly Node[]): string[] {
  const addresses: string[] = [];
  for (const { metadata, status } of nodes) {
    if (metadata.labels?.[excludeLabel] !== undefined || metadata.deletionTimestamp !== undefined) continue;
    const isReady = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
    if (!isReady) continue;
    const external = status?.addresses?.filter(({ type }) => type === 'ExternalIP') ?? [];
    const internal = status?.addresses?.filter(({ type }) => type === 'InternalIP') ?? [];
    for (const { address } of external.length > 0 ? external : internal) addresses.push(address);
  }
  return addresses.sort();
}

/** `protocol/port` of each port. */
export function portKeys({ spec }: Service): string[] {
  return (spec.ports ?? []).map(({ protocol = 'TCP', port }) => `${protocol}/${port}`);
}

/**
 * A port of the nodes' addresses that the Service cannot have: another such Service came first, or the API server
 * listens there, which must stay within reach.
 */
export function takenPort(
  service: Service,
  others: readonly Service[],
  reserved: ReadonlySet<string>,
): string | undefined {
  const earlier = new Set<string>();
  for (const other of others) {
    if (other.metadata.uid !== service.metadata.uid && isBalanced(other) && cameFirst(other, service)) {
      for (const key of portKeys(other)) earlier.add(key);
    }
  }
  return portKeys(service).find((key) => reserved.has(key) || earlier.has(key));
}

function cameFirst(a: Service, b: Service): boolean {
  const [madeA = '', madeB = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  return madeA === madeB ? (a.metadata.uid ?? '') < (b.metadata.uid ?? '') : madeA < madeB;
}

export function ingressFor(addresses: readonly string[]): LoadBalancerIngress[] {
  return addresses.map((ip) => ({ ip, ipMode: 'VIP' }));
}
