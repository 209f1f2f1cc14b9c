import type { HostPort } from '../contract.ts';
import { formatIpv4, type Ipv4Network, networkSize } from '../ipv4.ts';
import { bridgeName, podTable } from '../names.ts';
import type { Lease } from './address-leases.ts';

/** Beyond this many addresses a pod that reaches itself is not told from pods that reach each other. */
const selfPairsMax = 4096;

export interface PodTableOptions {
  readonly podCidr: string;
  readonly network: Ipv4Network;
  readonly clusterCidr: string;
  readonly leases: readonly Lease[];
}

/**
 * The nftables rules of the pod network: traffic leaving the cluster takes the node's address, host ports lead to
 * pods, a pod that reaches itself through one of its other names sees the bridge as the caller, and pods do not reach
 * what listens on the node's loopback (which `route_localnet` would let them).
 */
export function podTableScript({ podCidr, network, clusterCidr, leases }: PodTableOptions): string {
  const ports = leases.flatMap((lease) => hostPortElements(lease));
  const elements = (map: HostPortMap): string => {
    const own = ports.filter((port) => port.map === map).map(({ key, value }) => `${key} : ${value}`);
    return own.length === 0 ? '' : `elements = { ${own.join(', ')} };`;
  };
  return `add table ip ${podTable}
delete table ip ${podTable}
table ip ${podTable} {
  map host_ports { type inet_proto . inet_service : ipv4_addr . inet_service; ${elements('host_ports')} }
  map host_ports_on { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; ${elements('host_ports_on')} }
  set self { type ipv4_addr . ipv4_addr; ${selfPairs(network)} }
  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname "${bridgeName}" ip daddr 127.0.0.0/8 drop
  }
  chain to_host_ports {
    meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @host_ports_on
    meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @host_ports
  }
  chain prerouting {
    type nat hook prerouting priority dstnat - 5; policy accept;
    fib daddr type local jump to_host_ports
  }
  chain output {
    type nat hook output priority -105; policy accept;
    fib daddr type local jump to_host_ports
  }
  chain postrouting {
    type nat hook postrouting priority srcnat - 5; policy accept;
    ip saddr 127.0.0.0/8 oifname "${bridgeName}" masquerade
    ct status dnat ${selfMatch(podCidr, network)} masquerade
    ip saddr ${podCidr} ip daddr != ${clusterCidr} oifname != "${bridgeName}" masquerade
  }
}
`;
}

/** Adds or removes the host ports of one lease; empty when it has none. */
export function hostPortScript(verb: 'add' | 'delete', lease: Pick<Lease, 'address' | 'hostPorts'>): string {
  return hostPortElements(lease)
    .map(({ map, key, value }) => {
      const data = verb === 'add' ? ` : ${value}` : '';
      return `${verb} element ip ${podTable} ${map} { ${key}${data} }\n`;
    })
    .join('');
}

type HostPortMap = 'host_ports' | 'host_ports_on';

interface HostPortElement {
  readonly map: HostPortMap;
  readonly key: string;
  readonly value: string;
}

function hostPortElements({ address, hostPorts }: Pick<Lease, 'address' | 'hostPorts'>): HostPortElement[] {
  return hostPorts.map((port) => {
    const plain = `${port.protocol.toLowerCase()} . ${port.hostPort}`;
    const value = `${address} . ${port.containerPort}`;
    return isAnyAddress(port)
      ? { map: 'host_ports', key: plain, value }
      : { map: 'host_ports_on', key: `${port.hostIp} . ${plain}`, value };
  });
}

export function isAnyAddress({ hostIp }: HostPort): boolean {
  return hostIp === '' || hostIp === '0.0.0.0' || hostIp === '::';
}

function selfPairs(network: Ipv4Network): string {
  const size = networkSize(network);
  if (size > selfPairsMax) return '';
  const pairs = Array.from({ length: size }, (_, i) => formatIpv4(network.base + i)).map((ip) => `${ip} . ${ip}`);
  return `elements = { ${pairs.join(', ')} };`;
}

function selfMatch(podCidr: string, network: Ipv4Network): string {
  return networkSize(network) > selfPairsMax ? `ip saddr ${podCidr} ip daddr ${podCidr}` : 'ip saddr . ip daddr @self';
}
