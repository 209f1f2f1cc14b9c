import { existsSync, writeFileSync } from 'node:fs';
import type { Logger } from '../../../machinery/logger.ts';
import { runCommand, runIp } from '../commands.ts';
import { formatIpv4, gatewayOf, type Ipv4Network, macOf } from '../ipv4.ts';
import { bridgeName } from '../names.ts';

export interface BridgeOptions {
  readonly network: Ipv4Network;
  readonly mtu: number;
  /** Addresses of services are reached over the bridge, so that a machine without a default route reaches them too. */
  readonly serviceCidr: string;
  readonly clusterDnsIp: string;
  readonly logger: Logger;
}

/** Makes the bridge what it should be, whatever is there. */
export async function ensureBridge({ network, mtu, serviceCidr, clusterDnsIp, logger }: BridgeOptions): Promise<void> {
  const gateway = gatewayOf(network);
  const addresses = [`${formatIpv4(gateway)}/${network.prefix}`, `${clusterDnsIp}/32`];
  const prepare = deviceExists(bridgeName)
    ? (await otherAddresses(addresses)).map((address) => `addr del ${address} dev ${bridgeName}`)
    : [`link add name ${bridgeName} type bridge forward_delay 0`];
  await runIp([
    ...prepare,
    `link set dev ${bridgeName} address ${macOf(gateway)} mtu ${mtu} up`,
    ...addresses.map((address) => `addr replace ${address} dev ${bridgeName}`),
    `route replace ${serviceCidr} dev ${bridgeName} src ${formatIpv4(gateway)}`,
  ]);
  for (const [path, value] of Object.entries(sysctls)) writeSysctl(path, value, logger);
}

/** What an earlier pod CIDR or DNS address has left on the bridge. */
async function otherAddresses(wanted: readonly string[]): Promise<string[]> {
  const output = await runCommand('ip', ['-j', '-4', 'addr', 'show', 'dev', bridgeName]);
  const links = JSON.parse(output) as { addr_info?: { local: string; prefixlen: number }[] }[];
  const present = links.flatMap(({ addr_info = [] }) =>
    addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  );
  return present.filter((address) => !wanted.includes(address));
}

export function deviceExists(name: string): boolean {
  return existsSync(`/sys/class/net/${name}`);
}

const sysctls: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '1',
  // Connections to a host port or NodePort from 127.0.0.1 come back over the bridge.
  [`net/ipv4/conf/${bridgeName}/route_localnet`]: '1',
  // Pods talk to each other through the node; it must not tell them of a shorter way past its rules.
  'net/ipv4/conf/all/send_redirects': '0',
  [`net/ipv4/conf/${bridgeName}/send_redirects`]: '0',
  [`net/ipv4/conf/${bridgeName}/rp_filter`]: '2',
};

function writeSysctl(path: string, value: string, logger: Logger): void {
  try {
    writeFileSync(`/proc/sys/${path}`, value);
  } catch (err) {
    logger.warn({ err, sysctl: path, value }, 'Setting a kernel parameter failed');
  }
}
