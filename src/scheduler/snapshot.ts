import type { Node } from '../api/core/v1/types.generated.ts';
import { NodeInfo } from './node-info.ts';
import type { NamespaceLabels, PodInfo } from './pod-info.ts';

/** What a scheduling cycle reads: pure functions take it, nothing changes it while one runs. */
export interface Snapshot {
  /** Nodes that exist, zones taking turns. */
  readonly nodes: readonly NodeInfo[];
  node(name: string): NodeInfo | undefined;
  /** Nodes holding a pod with pod affinity. */
  readonly nodesWithAffinity: Iterable<NodeInfo>;
  /** Image name -> how many nodes have it. */
  imageNodes(image: string): number;
  /** Pods that wait for victims to go from this node, and so count as if they ran there. */
  nominated(nodeName: string): readonly PodInfo[];
  readonly namespaceLabels: NamespaceLabels;
}

/**
 * The scheduler's own account of the cluster: nodes, assigned pods, and pods assumed to be where a binding under way
 * will put them. Cycles run to their end in one turn of the event loop, so this live account is their snapshot and
 * nothing is copied; each change costs what it touches.
 */
export class ClusterSnapshot implements Snapshot {
  readonly namespaceLabels: NamespaceLabels;
  readonly #infos = new Map<string, NodeInfo>();
  readonly #nodeOfPod = new Map<string, string>();
  readonly #withAffinity = new Set<NodeInfo>();
  readonly #imageNodes = new Map<string, number>();
  readonly #nominated = new Map<string, Map<string, PodInfo>>();
  readonly #nominatedNode = new Map<string, string>();
  #order: NodeInfo[] | undefined;

  constructor(namespaceLabels: NamespaceLabels = () => undefined) {
    this.namespaceLabels = namespaceLabels;
  }

  get nodes(): readonly NodeInfo[] {
    this.#order ??= interleaveZones([...this.#infos.values()].filter((info) => info.node !== undefined));
    return this.#order;
  }

  get nodesWithAffinity(): Iterable<NodeInfo> {
    return this.#withAffinity;
  }

  node(name: string): NodeInfo | undefined {
    const info = this.#infos.get(name);
    return info?.node === undefined ? undefined : info;
  }

  imageNodes(image: string): number {
    return this.#imageNodes.get(image) ?? 0;
  }

  nominated(nodeName: string): readonly PodInfo[] {
    const pods = this.#nominated.get(nodeName);
    return pods === undefined ? [] : [...pods.values()];
  }

  setNode(node: Node): void {
    const info = this.#info(node.metadata.name ?? '');
    if (info.node === undefined || zoneOf(info.node) !== zoneOf(node)) this.#order = undefined;
    this.#countImages(info, -1);
    info.setNode(node);
    this.#countImages(info, 1);
  }

  removeNode(name: string): void {
    const info = this.#infos.get(name);
    if (info === undefined) return;
    this.#countImages(info, -1);
    info.setNode(undefined);
    this.#order = undefined;
    this.#dropIfEmpty(info);
  }

  /** Puts a pod on a node, replacing what is known of it. */
  setPod(pod: PodInfo, nodeName: string): void {
    const before = this.#nodeOfPod.get(pod.key);
    if (before !== undefined && before !== nodeName) this.removePod(pod.key);
    const info = this.#info(nodeName);
    info.add(pod);
    this.#nodeOfPod.set(pod.key, nodeName);
    this.#trackAffinity(info);
  }

  removePod(key: string): void {
    const nodeName = this.#nodeOfPod.get(key);
    const info = nodeName === undefined ? undefined : this.#infos.get(nodeName);
    this.#nodeOfPod.delete(key);
    if (info === undefined) return;
    info.remove(key);
    this.#trackAffinity(info);
    this.#dropIfEmpty(info);
  }

  pod(key: string): PodInfo | undefined {
    const nodeName = this.#nodeOfPod.get(key);
    return nodeName === undefined ? undefined : this.#infos.get(nodeName)?.pods.get(key);
  }

  nominate(pod: PodInfo, nodeName: string): void {
    this.clearNomination(pod.key);
    if (nodeName === '') return;
    const pods = this.#nominated.get(nodeName) ?? new Map<string, PodInfo>();
    pods.set(pod.key, pod);
    this.#nominated.set(nodeName, pods);
    this.#nominatedNode.set(pod.key, nodeName);
  }

  clearNomination(key: string): void {
    const nodeName = this.#nominatedNode.get(key);
    if (nodeName === undefined) return;
    this.#nominatedNode.delete(key);
    const pods = this.#nominated.get(nodeName);
    pods?.delete(key);
    if (pods?.size === 0) this.#nominated.delete(nodeName);
  }

  #info(name: string): NodeInfo {
    let info = this.#infos.get(name);
    if (info === undefined) {
      info = new NodeInfo(name);
      this.#infos.set(name, info);
    }
    return info;
  }

  #dropIfEmpty(info: NodeInfo): void {
    if (info.node === undefined && info.pods.size === 0) this.#infos.delete(info.name);
  }

  #trackAffinity(info: NodeInfo): void {
    if (info.podsWithAffinity.size > 0) this.#withAffinity.add(info);
    else this.#withAffinity.delete(info);
  }

  #countImages(info: NodeInfo, change: 1 | -1): void {
    for (const image of info.images.keys()) {
      const count = (this.#imageNodes.get(image) ?? 0) + change;
      if (count > 0) this.#imageNodes.set(image, count);
      else this.#imageNodes.delete(image);
    }
  }
}

/** The snapshot with some nodes replaced by copies something was tried on. */
export function overlay(base: Snapshot, replaced: ReadonlyMap<string, NodeInfo>): Snapshot {
  let nodes: readonly NodeInfo[] | undefined;
  return {
    get nodes() {
      nodes ??= base.nodes.map((info) => replaced.get(info.name) ?? info);
      return nodes;
    },
    get nodesWithAffinity() {
      return [...base.nodesWithAffinity].map((info) => replaced.get(info.name) ?? info);
    },
    node: (name) => replaced.get(name) ?? base.node(name),
    imageNodes: (image) => base.imageNodes(image),
    nominated: () => [],
    namespaceLabels: base.namespaceLabels,
  };
}

export function zoneOf(node: Node): string {
  const labels = node.metadata.labels;
  return `${labels?.['topology.kubernetes.io/region'] ?? ''}:${labels?.['topology.kubernetes.io/zone'] ?? ''}`;
}

/** One node of each zone in turn, so that a search that stops early has seen every zone. */
function interleaveZones(infos: readonly NodeInfo[]): NodeInfo[] {
  const zones = new Map<string, NodeInfo[]>();
  for (const info of infos) {
    const zone = info.node === undefined ? '' : zoneOf(info.node);
    const members = zones.get(zone);
    if (members === undefined) zones.set(zone, [info]);
    else members.push(info);
  }
  if (zones.size === 1) return [...infos];
  const order: NodeInfo[] = [];
  for (let turn = 0; order.length < infos.length; turn += 1) {
    for (const members of zones.values()) {
      const info = members[turn];
      if (info !== undefined) order.push(info);
    }
  }
  return order;
}
