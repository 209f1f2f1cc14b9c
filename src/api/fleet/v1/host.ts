import type { KubeObject, ResourceType } from '../../../machinery/meta.ts';

export const fleetGroup = 'fleet.roadstead.dev';
export const fleetVersion = 'v1';

/** Keeps a Host that is deleted until its machine has cleaned up, or is lost. */
export const leaveFinalizer = 'fleet.roadstead.dev/leave';

/** A machine that has joined. Its agent makes it and keeps `status`; people keep `spec` and the labels. */
export interface Host extends KubeObject {
  spec?: HostSpec;
  status?: HostStatus;
}

export interface HostSpec {
  /** `node`: runs pods. A host without roles is in the pool. */
  roles?: string[];
  notes?: string;
  /** Commands and packages that select hosts leave this one out. */
  unschedulable?: boolean;
}

export interface HostStatus {
  /** `Ready`, `NotReady`, `Left`, or `Lost` once nothing has been heard for a while. */
  phase?: string;
  /** RFC 3339. */
  lastSeen?: string;
  addresses?: string[];
  agentVersion?: string;
  facts?: HostFacts;
  usage?: HostUsage;
  conditions?: HostCondition[];
}

export interface HostCondition {
  /** `Ready` or `Connected`. */
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
}

export interface HostFacts {
  os?: string;
  kernel?: string;
  architecture?: string;
  cpus?: number;
  cpuModel?: string;
  memoryBytes?: number;
  disks?: { name: string; sizeBytes: number; model?: string }[];
  nics?: { name: string; mac?: string; addresses: string[] }[];
  /** `none` on bare metal. */
  virtualization?: string;
  gpus?: string[];
  /** Container engine, as `docker://20.10.24`; absent where there is none. */
  engine?: string;
  /** Whether systemd is the init of this host. */
  systemd?: boolean;
  machineId?: string;
  bootId?: string;
}

/** Rates are means over the time since the last report. */
export interface HostUsage {
  /** 0 to 100, of all CPUs together. */
  cpuPercent?: number;
  memoryPercent?: number;
  /** Of the file system that holds the agent's directory. */
  diskPercent?: number;
  receivedBytesPerSecond?: number;
  sentBytesPerSecond?: number;
  /** Over one minute, as `0.42`. */
  load?: string;
}

export const hosts: ResourceType<Host> = {
  group: fleetGroup,
  version: fleetVersion,
  resource: 'hosts',
  kind: 'Host',
  namespaced: false,
};
