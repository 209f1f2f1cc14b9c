import type { PodIdentity } from '../runtime/contract.ts';

/** Connects pod sandboxes; `bridge/` implements it. `sim` agents use one that hands out addresses and does nothing. */
export interface PodNetwork {
  /**
   * Gives the sandbox its interface, address, routes and host ports. Idempotent by sandbox: a restarted agent calls it
   * again and gets the same address. Throws when the node has no address left or a host port is taken, with a message
   * fit for an Event.
   */
  attach(sandbox: SandboxAttachment): Promise<{ readonly ips: readonly string[] }>;
  /** Frees all of it. Safe to repeat and for a sandbox never attached. */
  detach(sandboxId: string): Promise<void>;
  /** Frees what belongs to no sandbox of this list; called once after a start. */
  collect(sandboxIds: readonly string[]): Promise<void>;
  /** Addresses for pods on the host's network. */
  readonly hostIps: readonly string[];
}

export interface SandboxAttachment {
  readonly sandboxId: string;
  readonly pod: PodIdentity;
  /** `/proc/<pid>/ns/net` */
  readonly networkNamespace: string;
  readonly hostPorts: readonly HostPort[];
}

export interface HostPort {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly hostPort: number;
  readonly containerPort: number;
  /** Empty for all addresses. */
  readonly hostIp: string;
}
