import type { KubeObject, ResourceType } from '../../../machinery/meta.ts';
import { fleetGroup, fleetVersion } from './host.ts';
import type { ScriptStep, TaskPhase } from './host-task.ts';

/** Which hosts: those named, and those that match. Nothing selects nothing. */
export interface HostSelection {
  readonly names?: readonly string[];
  /** Over the labels of Hosts, as kubectl writes it: `env=prod,!broken`. */
  readonly selector?: string;
  /** Hosts without a role. */
  readonly pool?: boolean;
  readonly all?: boolean;
}

/** A script run on many hosts. */
export interface FleetCommand extends KubeObject {
  spec: FleetCommandSpec;
  status?: FleetCommandStatus;
}

export interface FleetCommandSpec {
  readonly hosts: HostSelection;
  readonly script: ScriptStep;
  /** Hosts at a time: a number, or a share as `25%`. Default all. */
  readonly parallelism?: number | string;
  /** Of the script on one host. */
  readonly timeoutSeconds?: number;
  /** `Continue` (default) goes on whatever fails; `Stop` begins no more once more than `maxFailures` have failed. */
  readonly failurePolicy?: 'Continue' | 'Stop';
  readonly maxFailures?: number;
  /** Lists the hosts and does nothing. */
  readonly dryRun?: boolean;
  readonly cancel?: boolean;
  readonly readOnly?: boolean;
  /** Raised by one, runs the script again where it failed. */
  readonly retry?: number;
}

export interface FleetCommandStatus {
  readonly phase?: TaskPhase;
  readonly message?: string;
  readonly completionTime?: string;
  readonly total?: number;
  readonly running?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  /** One for each host that was selected when the command began. */
  readonly results?: readonly HostResult[];
}

export interface HostResult {
  readonly host: string;
  readonly phase: TaskPhase;
  /** The HostTask. */
  readonly task?: string;
  /** From 1. */
  readonly attempt: number;
  readonly exitCode?: number;
  readonly message?: string;
}

export const fleetCommands: ResourceType<FleetCommand> = {
  group: fleetGroup,
  version: fleetVersion,
  resource: 'commands',
  kind: 'Command',
  namespaced: true,
};
