import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { runIp, runIpIn } from '../commands.ts';
import { macOf, parseIpv4 } from '../ipv4.ts';
import { bridgeName, vethPrefix } from '../names.ts';
import { deviceExists } from './bridge.ts';

/** Fits the kernel's 15 characters and says by itself which sandbox it belongs to. */
export function vethName(sandboxId: string): string {
  return vethPrefix + createHash('sha1').update(sandboxId).digest('hex').slice(0, 11);
}

export interface VethOptions {
  readonly sandboxId: string;
  readonly networkNamespace: string;
  readonly address: string;
  readonly gateway: string;
  readonly mtu: number;
}

/**
 * Joins a sandbox to the bridge in two processes. The pod's address stands alone (/32) and everything, its neighbours
 * too, is reached through the node: answers of a service on the same node thus pass where its address was translated,
 * with no need of br_netfilter.
 */
export async function createVeth(options: VethOptions): Promise<void> {
  const { sandboxId, networkNamespace, address, gateway, mtu } = options;
  const host = vethName(sandboxId);
  const mac = macOf(parseIpv4(address) ?? 0);
  await runIp([
    `link add name ${host} mtu ${mtu} master ${bridgeName} type veth peer name eth0 mtu ${mtu} address ${mac} netns ${namespaceArgument(networkNamespace)}`,
    `link set dev ${host} type bridge_slave hairpin on`,
    `link set dev ${host} up`,
  ]);
  await runIpIn(networkNamespace, [
    'link set dev lo up',
    `addr add ${address}/32 dev eth0`,
    'link set dev eth0 up',
    `route add ${gateway}/32 dev eth0 scope link`,
    `route add default via ${gateway} dev eth0`,
  ]);
}

/** The kernel removes both ends with the namespace, so often there is nothing left to do. */
export async function removeVeth(name: string): Promise<void> {
  if (!deviceExists(name)) return;
  try {
    await runIp([`link del dev ${name}`]);
  } catch (err) {
    if (deviceExists(name)) throw err;
  }
}

/** `ip` takes a process or a name under /run/netns. */
function namespaceArgument(path: string): string {
  const ofProcess = /^\/proc\/(\d+)\/ns\/net$/.exec(path);
  return ofProcess?.[1] ?? basename(path);
}
