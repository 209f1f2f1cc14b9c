import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostPort } from '../contract.ts';
import { formatIpv4, gatewayOf, type Ipv4Network, networkContains, networkSize, parseIpv4 } from '../ipv4.ts';

/** An address and what goes with it, held by a sandbox from before its interface exists until after it is gone. */
export interface Lease {
  readonly sandboxId: string;
  readonly address: string;
  /** `namespace/name`, for messages. */
  readonly pod: string;
  readonly hostPorts: readonly HostPort[];
  /** The interface was set up to the end. */
  readonly ready: boolean;
}

/**
 * The node's pod addresses. Every lease is a file named by its address, written before the address is used, so an
 * agent that dies at any point knows after its restart what is taken. One process owns the folder.
 */
export class AddressLeases {
  readonly #folder: string;
  readonly #network: Ipv4Network;
  readonly #bySandbox = new Map<string, Lease>();
  readonly #taken = new Set<number>();
  #last: number;

  constructor(folder: string, network: Ipv4Network) {
    this.#folder = folder;
    this.#network = network;
    this.#last = gatewayOf(network);
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(folder)) this.#load(file);
  }

  get(sandboxId: string): Lease | undefined {
    return this.#bySandbox.get(sandboxId);
  }

  all(): readonly Lease[] {
    return [...this.#bySandbox.values()];
  }

  /** The next free address, in turn, so that one given back rests for as long as possible. */
  lease(sandboxId: string, pod: string, hostPorts: readonly HostPort[]): Lease {
    const lease = { sandboxId, address: formatIpv4(this.#next()), pod, hostPorts, ready: false };
    this.save(lease);
    return lease;
  }

  save(lease: Lease): void {
    const path = join(this.#folder, lease.address);
    const temporary = `${path}.new`;
    writeFileSync(temporary, JSON.stringify(lease));
    renameSync(temporary, path);
    this.#remember(lease);
  }

  release(sandboxId: string): void {
    const lease = this.#bySandbox.get(sandboxId);
    if (lease === undefined) return;
    rmSync(join(this.#folder, lease.address), { force: true });
    this.#bySandbox.delete(sandboxId);
    this.#taken.delete(parseIpv4(lease.address) ?? 0);
  }

  #next(): number {
    const { base } = this.#network;
    const first = gatewayOf(this.#network) + 1;
    const last = base + networkSize(this.#network) - 2;
    const count = last - first + 1;
    for (let step = 1; step <= count; step += 1) {
      const address = first + ((this.#last - first + step + count) % count);
      if (this.#taken.has(address)) continue;
      this.#last = address;
      return address;
    }
    throw new Error(
      `no IP addresses available in range set: ${formatIpv4(gatewayOf(this.#network))}-${formatIpv4(last)}`,
    );
  }

  #remember(lease: Lease): void {
    this.#bySandbox.set(lease.sandboxId, lease);
    this.#taken.add(parseIpv4(lease.address) ?? 0);
  }

  /** What is no lease of this network is left over from an unfinished write or another pod CIDR, and goes. */
  #load(file: string): void {
    const path = join(this.#folder, file);
    const address = parseIpv4(file);
    const lease = address === undefined ? undefined : parseLease(readFileSync(path, 'utf8'));
    if (address === undefined || lease?.address !== file || !networkContains(this.#network, address)) {
      rmSync(path, { force: true });
      return;
    }
    this.#remember(lease);
    this.#last = Math.max(this.#last, address);
  }
}

function parseLease(text: string): Lease | undefined {
  try {
    return JSON.parse(text) as Lease;
  } catch {
    return undefined;
  }
}
