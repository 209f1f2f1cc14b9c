import type { Amounts } from '../amounts.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import { type Plugin, type Rejection, scoreMax } from './plugin.ts';

/** Turns a pod away where it does not fit, and prefers nodes with the most left (least allocated). */
export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  retryOn: new Set(['nodeAdded', 'nodeAllocatableChanged', 'assignedPodGone', 'assignedPodScaledDown']),
  prepareFilter(pod) {
    return { filter: (node) => insufficient(pod.request, node) };
  },
  score(pod, nodes) {
    return nodes.map((node) => leastAllocated(pod, node));
  },
};

function insufficient(request: Amounts, node: NodeInfo): Rejection | undefined {
  const { allocatable, requested } = node;
  let reasons: string[] | undefined;
  let resolvable = true;
  const lacking = (name: string, wanted: number, offered: number): void => {
    reasons ??= [];
    reasons.push(`Insufficient ${name}`);
    if (wanted > offered) resolvable = false;
  };
  if (node.pods.size + 1 > node.allowedPods) reasons = ['Too many pods'];
  if (request.milliCpu > 0 && request.milliCpu > allocatable.milliCpu - requested.milliCpu) {
    lacking('cpu', request.milliCpu, allocatable.milliCpu);
  }
  if (request.memory > 0 && request.memory > allocatable.memory - requested.memory) {
    lacking('memory', request.memory, allocatable.memory);
  }
  if (
    request.ephemeralStorage > 0 &&
    request.ephemeralStorage > allocatable.ephemeralStorage - requested.ephemeralStorage
  ) {
    lacking('ephemeral-storage', request.ephemeralStorage, allocatable.ephemeralStorage);
  }
  for (const [name, wanted] of request.scalars ?? noScalars) {
    const offered = allocatable.scalars?.get(name) ?? 0;
    if (wanted > 0 && wanted > offered - (requested.scalars?.get(name) ?? 0)) lacking(name, wanted, offered);
  }
  return reasons === undefined ? undefined : { reasons, resolvable };
}

const noScalars: ReadonlyMap<string, number> = new Map();

function leastAllocated({ scoringRequest }: PodInfo, { allocatable, scoringRequested }: NodeInfo): number {
  let sum = 0;
  let resources = 0;
  if (allocatable.milliCpu > 0) {
    sum += freeShare(scoringRequested.milliCpu + scoringRequest.milliCpu, allocatable.milliCpu);
    resources += 1;
  }
  if (allocatable.memory > 0) {
    sum += freeShare(scoringRequested.memory + scoringRequest.memory, allocatable.memory);
    resources += 1;
  }
  return resources === 0 ? 0 : Math.floor(sum / resources);
}

function freeShare(taken: number, offered: number): number {
  return taken > offered ? 0 : Math.floor(((offered - taken) * scoreMax) / offered);
}
