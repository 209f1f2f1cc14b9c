import type { Node } from '../api/core/v1/types.generated.ts';
import { quantityToNumber } from '../machinery/quantity.ts';
import { type Amounts, addAmounts, amountsOf, emptyAmounts } from './amounts.ts';
import type { PodInfo, UsedPort } from './pod-info.ts';

/** A node with the pods on it and what they take, kept up to date pod by pod. */
export class NodeInfo {
  readonly name: string;
  /** Undefined while pods name a node that is not (or no longer) there. */
  node: Node | undefined;
  allocatable: Amounts = emptyAmounts();
  allowedPods = 0;
  readonly pods = new Map<string, PodInfo>();
  readonly requested: Amounts = emptyAmounts();
  readonly scoringRequested: Amounts = emptyAmounts();
  /** Pods here with any pod affinity, by key: the only ones the affinity of others must look at. */
  readonly podsWithAffinity = new Map<string, PodInfo>();
  /** Image name -> bytes. */
  images: ReadonlyMap<string, number> = new Map();
  readonly #ports = new Map<string, number>();
  readonly #ofController = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  setNode(node: Node | undefined): void {
    this.node = node;
    const allocatable = node?.status?.allocatable;
    this.allocatable = amountsOf(allocatable);
    this.allowedPods = quantityToNumber(allocatable?.['pods'] ?? 0);
    this.images = imagesOf(node);
  }

  add(pod: PodInfo): void {
    this.remove(pod.key);
    this.pods.set(pod.key, pod);
    addAmounts(this.requested, pod.request);
    addAmounts(this.scoringRequested, pod.scoringRequest);
    for (const port of pod.hostPorts) count(this.#ports, portKey(port), 1);
    if (pod.controllerUid !== undefined) count(this.#ofController, pod.controllerUid, 1);
    if (pod.affinity !== undefined) this.podsWithAffinity.set(pod.key, pod);
  }

  remove(key: string): void {
    const pod = this.pods.get(key);
    if (pod === undefined) return;
    this.pods.delete(key);
    addAmounts(this.requested, pod.request, -1);
    addAmounts(this.scoringRequested, pod.scoringRequest, -1);
    for (const port of pod.hostPorts) count(this.#ports, portKey(port), -1);
    if (pod.controllerUid !== undefined) count(this.#ofController, pod.controllerUid, -1);
    this.podsWithAffinity.delete(key);
  }

  /** Whether a pod here holds this port on the same address, or either of them holds it on all. */
  portTaken(port: UsedPort): boolean {
    if (this.#ports.size === 0) return false;
    if (port.ip !== '0.0.0.0')
      return this.#ports.has(portKey(port)) || this.#ports.has(portKey({ ...port, ip: '0.0.0.0' }));
    const end = `/${port.protocol}/${port.port}`;
    for (const key of this.#ports.keys()) if (key.endsWith(end)) return true;
    return false;
  }

  /** Pods here that this controller owns and that are not on their way out. */
  podsOfController(uid: string): number {
    return this.#ofController.get(uid) ?? 0;
  }

  /** A copy to try things on: the same node, its own account of pods. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.name);
    copy.node = this.node;
    copy.allocatable = this.allocatable;
    copy.allowedPods = this.allowedPods;
    copy.images = this.images;
    for (const pod of this.pods.values()) copy.add(pod);
    return copy;
  }
}

function count(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const sum = (counts.get(key) ?? 0) + change;
  if (sum > 0) counts.set(key, sum);
  else counts.delete(key);
}

function portKey({ ip, protocol, port }: UsedPort): string {
  return `${ip}/${protocol}/${port}`;
}

function imagesOf(node: Node | undefined): ReadonlyMap<string, number> {
  const images = new Map<string, number>();
  for (const { names, sizeBytes } of node?.status?.images ?? []) {
    for (const name of names ?? []) images.set(name, sizeBytes ?? 0);
  }
  return images;
}
