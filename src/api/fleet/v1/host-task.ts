import type { KubeObject, ResourceType } from '../../../machinery/meta.ts';
import { fleetGroup, fleetVersion } from './host.ts';

/** An ordered list of steps done on one host by its agent: the one way in which anything is ever done to a host. */
export interface HostTask extends KubeObject {
  spec: HostTaskSpec;
  status?: HostTaskStatus;
}

export interface HostTaskSpec {
  /** Name of the Host. */
  readonly host: string;
  readonly steps: readonly HostTaskStep[];
  /** Ends what runs and starts nothing more. */
  readonly cancel?: boolean;
  /** Changes nothing on the host, so it runs beside others; those that change it run one at a time. */
  readonly readOnly?: boolean;
}

/** Exactly one of the fields that say what is done. */
export interface HostTaskStep {
  readonly name: string;
  /** The step is skipped where this path exists on the host. */
  readonly creates?: string;
  /** The step is skipped where this command exits with anything but 0. */
  readonly onlyIf?: readonly string[];
  /** May be run again when its outcome is unknown. Files, directories and waits always may. */
  readonly idempotent?: boolean;
  /** A restart of the host while the step runs is its success. */
  readonly reboots?: boolean;
  /** Default 3600. */
  readonly timeoutSeconds?: number;
  readonly script?: ScriptStep;
  readonly file?: FileStep;
  readonly directory?: DirectoryStep;
  readonly unit?: UnitStep;
  readonly package?: PackageStep;
  readonly wait?: WaitStep;
}

export interface ScriptStep {
  /** The text; or `command`; or `sourceFrom`. */
  readonly source?: string;
  readonly sourceFrom?: ValueSource;
  /** A program with its arguments, run without a shell. */
  readonly command?: readonly string[];
  /** Default what the script's first line says after `#!`, else /bin/sh. */
  readonly interpreter?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly TaskVariable[];
  /** Every key of this Secret becomes a variable. */
  readonly secretRef?: { readonly name: string };
  /** Default root. */
  readonly user?: string;
  readonly workdir?: string;
  readonly stdin?: string;
}

export interface TaskVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: ValueSource;
}

/** A key of a Secret or ConfigMap in the task's namespace. */
export interface ValueSource {
  readonly secretKeyRef?: KeyReference;
  readonly configMapKeyRef?: KeyReference;
}

export interface KeyReference {
  readonly name: string;
  readonly key: string;
}

export interface FileStep {
  readonly path: string;
  readonly content?: string;
  readonly contentFrom?: ValueSource;
  /** Octal, default 0644. */
  readonly mode?: string;
  readonly owner?: string;
  readonly group?: string;
  /** Takes the file away instead. */
  readonly absent?: boolean;
}

export interface DirectoryStep {
  readonly path: string;
  /** Octal, default 0755. */
  readonly mode?: string;
  readonly owner?: string;
  readonly group?: string;
}

export interface UnitStep {
  /** `nginx.service`; without a suffix a service. */
  readonly name: string;
  readonly state?: 'started' | 'stopped' | 'restarted' | 'reloaded';
  readonly enabled?: boolean;
}

export interface PackageStep {
  readonly name: string;
  /** `sha256:` of the files; where they lie on the host. */
  readonly digest: string;
  /** Which of the files is run, in the folder of the files: `deploy.sh`. */
  readonly run: string;
  readonly files: readonly PackageFile[];
  readonly env?: readonly TaskVariable[];
}

export interface PackageFile {
  /** Relative, with `/`. */
  readonly path: string;
  /** Octal, default 0644. */
  readonly mode?: string;
  /** `sha256:` of the content. */
  readonly digest: string;
  /** ConfigMaps of the namespace whose key `content` holds the file, in order. */
  readonly chunks: readonly string[];
}

/** One of the first four. */
export interface WaitStep {
  /** `host:port` takes a connection. */
  readonly tcp?: string;
  /** Answers with a status below 400. */
  readonly http?: string;
  readonly path?: string;
  /** Exits with 0. */
  readonly command?: readonly string[];
  /** Default 1. */
  readonly intervalSeconds?: number;
}

export type TaskPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Cancelled' | 'Unknown';
export type StepPhase = Exclude<TaskPhase, 'Pending'> | 'Skipped' | 'TimedOut';

export interface HostTaskStatus {
  readonly phase?: TaskPhase;
  readonly message?: string;
  readonly startTime?: string;
  readonly completionTime?: string;
  /** Of the step that ended the task, when it ran a process. */
  readonly exitCode?: number;
  readonly steps?: readonly StepStatus[];
}

export interface StepStatus {
  readonly name: string;
  readonly phase: StepPhase;
  /** 128 plus the number of the signal that ended the process, as shells have it. */
  readonly exitCode?: number;
  readonly startTime?: string;
  readonly completionTime?: string;
  readonly message?: string;
  /** The end of what was printed. */
  readonly output?: string;
  readonly outputBytes?: number;
  /** Part of the middle was not kept. */
  readonly outputTruncated?: boolean;
}

export const hostTasks: ResourceType<HostTask> = {
  group: fleetGroup,
  version: fleetVersion,
  resource: 'hosttasks',
  kind: 'HostTask',
  namespaced: true,
};

export function isFinished(phase: TaskPhase | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled' || phase === 'Unknown';
}

/** What of its namespace a task makes its host read: `secrets/<name>` and `configmaps/<name>`. */
export function referencesOfTask(spec: HostTaskSpec): Set<string> {
  const found = new Set<string>();
  const add = (source: ValueSource | undefined): void => {
    if (source?.secretKeyRef !== undefined) found.add(`secrets/${source.secretKeyRef.name}`);
    if (source?.configMapKeyRef !== undefined) found.add(`configmaps/${source.configMapKeyRef.name}`);
  };
  for (const { script, file, package: pack } of spec.steps) {
    add(script?.sourceFrom);
    add(file?.contentFrom);
    if (script?.secretRef !== undefined) found.add(`secrets/${script.secretRef.name}`);
    for (const variable of [...(script?.env ?? []), ...(pack?.env ?? [])]) add(variable.valueFrom);
    for (const { chunks } of pack?.files ?? []) for (const name of chunks) found.add(`configmaps/${name}`);
  }
  return found;
}
