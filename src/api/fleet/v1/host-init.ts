import type { KubeObject, ResourceType } from '../../../machinery/meta.ts';
import type { HostSelection } from './command.ts';
import { fleetGroup, fleetVersion } from './host.ts';
import type { ScriptStep, TaskPhase } from './host-task.ts';

/** Scripts that every selected host runs once, in the order of their names: when it joins, and when they change. */
export interface HostInit extends KubeObject {
  spec: HostInitSpec;
  status?: HostInitStatus;
}

export interface HostInitSpec {
  readonly hosts: HostSelection;
  readonly scripts: readonly InitScript[];
  /** Raised by one, goes on where a script failed, with that script. */
  readonly retry?: number;
}

export interface InitScript extends ScriptStep {
  /** `01-init`. */
  readonly name: string;
  readonly timeoutSeconds?: number;
}

export interface HostInitStatus {
  readonly total?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  /** Kept when a host is no longer selected: what ran once has run. */
  readonly hosts?: readonly InitRecord[];
}

export interface InitRecord {
  readonly host: string;
  /** Of the scripts that were run. */
  readonly digest: string;
  readonly phase: TaskPhase;
  /** From 1. */
  readonly attempt: number;
  /** The HostTask. */
  readonly task: string;
  /** Scripts that are done, and the one from which this attempt began. */
  readonly done: number;
  readonly from: number;
  readonly message?: string;
}

export const hostInits: ResourceType<HostInit> = {
  group: fleetGroup,
  version: fleetVersion,
  resource: 'hostinits',
  kind: 'HostInit',
  namespaced: true,
};
