import { readdirSync } from 'node:fs';
import { applyNft, CommandError } from '../commands.ts';
import type { HostPort, PodNetwork, SandboxAttachment } from '../contract.ts';
import { vethPrefix } from '../names.ts';
import type { AddressLeases, Lease } from './address-leases.ts';
import { deviceExists } from './bridge.ts';
import { hostPortScript, isAnyAddress } from './pod-table.ts';
import { createVeth, removeVeth, vethName } from './veth.ts';

export interface BridgeNetworkOptions {
  readonly leases: AddressLeases;
  readonly gateway: string;
  readonly mtu: number;
  readonly hostIps: readonly string[];
  /** Writes the pod rules again from the leases. */
  readonly rebuildRules: () => Promise<void>;
}

/** Pods on this node's bridge; see PodNetwork. Calls for one sandbox come one after the other. */
export class BridgeNetwork implements PodNetwork {
  readonly hostIps: readonly string[];
  readonly #options: BridgeNetworkOptions;

  constructor(options: BridgeNetworkOptions) {
    this.#options = options;
    this.hostIps = options.hostIps;
  }

  async attach(sandbox: SandboxAttachment): Promise<{ readonly ips: readonly string[] }> {
    const { leases } = this.#options;
    const known = leases.get(sandbox.sandboxId);
    if (known?.ready === true && deviceExists(vethName(sandbox.sandboxId))) return { ips: [known.address] };
    // Left half done, or with an address of a pod CIDR this node had before.
    await removeVeth(vethName(sandbox.sandboxId));
    const lease = known ?? this.#lease(sandbox);
    await this.#connect(sandbox, lease);
    leases.save({ ...lease, ready: true });
    return { ips: [lease.address] };
  }

  async detach(sandboxId: string): Promise<void> {
    const { leases } = this.#options;
    const lease = leases.get(sandboxId);
    await removeVeth(vethName(sandboxId));
    if (lease === undefined) return;
    leases.release(sandboxId);
    await this.#applyHostPorts('delete', lease);
  }

  async collect(sandboxIds: readonly string[]): Promise<void> {
    const { leases } = this.#options;
    const wanted = new Set(sandboxIds);
    for (const { sandboxId } of leases.all()) if (!wanted.has(sandboxId)) await this.detach(sandboxId);
    const devices = new Set(sandboxIds.map(vethName));
    for (const name of readdirSync('/sys/class/net')) {
      if (name.startsWith(vethPrefix) && !devices.has(name)) await removeVeth(name);
    }
  }

  #lease({ sandboxId, pod, hostPorts }: SandboxAttachment): Lease {
    const { leases } = this.#options;
    for (const held of leases.all()) {
      const taken = hostPorts.find((port) => held.hostPorts.some((other) => sameHostPort(port, other)));
      if (taken === undefined) continue;
      throw new Error(
        `cannot open hostPort ${taken.hostPort} for pod ${pod.namespace}/${pod.name}: ${taken.protocol} port ${taken.hostPort} is already used by pod ${held.pod}`,
      );
    }
    return leases.lease(sandboxId, `${pod.namespace}/${pod.name}`, hostPorts);
  }

  async #connect(sandbox: SandboxAttachment, lease: Lease): Promise<void> {
    const { gateway, mtu } = this.#options;
    const { sandboxId, networkNamespace } = sandbox;
    await Promise.all([
      createVeth({ sandboxId, networkNamespace, address: lease.address, gateway, mtu }),
      this.#applyHostPorts('add', lease),
    ]);
  }

  /** When the table is not as thought (flushed by a firewall's restart), it is built anew from the leases. */
  async #applyHostPorts(verb: 'add' | 'delete', lease: Lease): Promise<void> {
    const script = hostPortScript(verb, lease);
    if (script === '') return;
    try {
      await applyNft(script);
    } catch (err) {
      if (!(err instanceof CommandError)) throw err;
      await this.#options.rebuildRules();
    }
  }
}

function sameHostPort(a: HostPort, b: HostPort): boolean {
  if (a.hostPort !== b.hostPort || a.protocol !== b.protocol) return false;
  return a.hostIp === b.hostIp || isAnyAddress(a) || isAnyAddress(b);
}
