/** An IPv4 network; addresses as unsigned integers. */
export interface Ipv4Network {
  readonly base: number;
  readonly prefix: number;
}

export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    const octet = Number(part);
    if (!/^\d{1,3}$/.test(part) || octet > 255) return undefined;
    address = address * 256 + octet;
  }
  return address;
}

export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Throws for what is no IPv4 CIDR: node and cluster CIDRs are checked before they come here. */
export function parseNetwork(cidr: string): Ipv4Network {
  const [text = '', length = ''] = cidr.split('/');
  const address = parseIpv4(text);
  const prefix = Number(length);
  if (address === undefined || !/^\d{1,2}$/.test(length) || prefix > 32) {
    throw new Error(`Cannot use "${cidr}": it is no IPv4 CIDR`);
  }
  return { base: address - (address % networkSize({ prefix })), prefix };
}

export function networkSize({ prefix }: { readonly prefix: number }): number {
  return 2 ** (32 - prefix);
}

export function networkContains(network: Ipv4Network, address: number): boolean {
  return address >= network.base && address < network.base + networkSize(network);
}

/** The address that is the node's own on the pod bridge. */
export function gatewayOf(network: Ipv4Network): number {
  return network.base + 1;
}

/** A locally administered MAC made from the address, so that a reused address keeps its neighbour entry true. */
export function macOf(address: number): string {
  const hex = (value: number): string => (value & 255).toString(16).padStart(2, '0');
  return `0a:58:${hex(address >>> 24)}:${hex(address >>> 16)}:${hex(address >>> 8)}:${hex(address)}`;
}
