import type { ServerHttp2Stream } from 'node:http2';
import { internalError } from '../../machinery/status-error.ts';
import type { FoundContainer, FoundPod } from '../pods/lookup.ts';
import type { ContainerRuntime } from '../runtime/contract.ts';

/** One request from the server, found to concern a pod of this node. */
export interface PodRequest {
  readonly stream: ServerHttp2Stream;
  readonly runtime: ContainerRuntime;
  readonly pod: FoundPod;
  readonly podName: string;
  /** The last part of the path: a container's name, a port. */
  readonly target: string;
  readonly query: URLSearchParams;
  /** Aborts when the server no longer wants the answer. */
  readonly signal: AbortSignal;
}

/** The container a request names, running. */
export function runningContainer({ pod, target }: PodRequest): FoundContainer & { readonly containerId: string } {
  const container = pod.containers.get(target);
  if (container?.containerId === undefined || !container.running) {
    throw internalError(`unable to upgrade connection: container not found ("${target}")`);
  }
  return { ...container, containerId: container.containerId };
}
