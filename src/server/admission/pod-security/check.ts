import type { Container, EphemeralContainer, PodSpec } from '../../../api/core/v1/types.generated.ts';
import type { ObjectMeta } from '../../../machinery/meta-types.generated.ts';

/** Why a pod is refused: `reason (detail)`. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

/** What is checked: a pod, or the template of one. */
export interface CheckedPod {
  readonly metadata: Pick<ObjectMeta, 'annotations'>;
  readonly spec: PodSpec;
}

export interface Check {
  /** Upstream's id, by which checks are ordered. */
  readonly id: string;
  /** A check of the baseline that this one of the restricted level contains. */
  readonly replaces?: string;
  /** The first minor version of Kubernetes that has this check. Default: all. */
  readonly since?: number;
  /** `minor` is the version asked for. */
  run(pod: CheckedPod, minor: number): Violation | undefined;
}

export type AnyContainer = Container | EphemeralContainer;

export function containersOf({ initContainers, containers, ephemeralContainers }: PodSpec): AnyContainer[] {
  return [...(initContainers ?? []), ...(containers ?? []), ...(ephemeralContainers ?? [])];
}

/** Names of the containers for which `isBad`. */
export function namesOf(spec: PodSpec, isBad: (container: AnyContainer) => boolean): string[] {
  return containersOf(spec)
    .filter(isBad)
    .map(({ name }) => name);
}

/** `container "a"`, `containers "a", "b"` */
export function counted(word: string, names: readonly string[]): string {
  return `${plural(word, names.length)} ${quoted(names)}`;
}

export function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`;
}

export function quoted(values: Iterable<string>): string {
  return [...values].map((value) => JSON.stringify(value)).join(', ');
}

export function sorted(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}

/** `pod and containers "a", "b"`: who sets what may not be set. */
export function setters(pod: boolean, containers: readonly string[]): string {
  return [...(pod ? ['pod'] : []), ...(containers.length > 0 ? [counted('container', containers)] : [])].join(' and ');
}

/** A pod in a user namespace of its own may do more: its root is nobody outside. */
export function isInUserNamespace({ hostUsers }: PodSpec): boolean {
  return hostUsers === false;
}

export function isWindows({ os }: PodSpec): boolean {
  return os?.name === 'windows';
}
