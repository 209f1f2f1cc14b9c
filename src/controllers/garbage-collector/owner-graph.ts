import type { KubeObject } from '../../machinery/meta.ts';
import type { OwnerReference } from '../../machinery/meta-types.generated.ts';
import type { ApiResource } from '../api-resources.ts';

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

/** An object as a node of the graph. */
export interface GraphNode {
  readonly uid: string;
  /** Undefined while the node is only known from references to it. */
  resource: ApiResource | undefined;
  kind: string;
  namespace: string;
  name: string;
  owners: readonly OwnerReference[];
  readonly dependents: Set<GraphNode>;
  deleting: boolean;
  /** Waits for its dependents to go first. */
  foreground: boolean;
  /** Waits for its dependents to be set free. */
  orphaning: boolean;
}

/** What a change of the graph asks to be looked at. */
export interface GraphWork {
  /** May have lost its owners, or waits for dependents. */
  readonly examine: readonly GraphNode[];
  readonly orphan: readonly GraphNode[];
}

/** Who owns whom, over all objects of all resources. Nodes are found by uid: names come back, uids do not. */
export class OwnerGraph {
  private readonly nodes = new Map<string, GraphNode>();

  get size(): number {
    return this.nodes.size;
  }

  get(uid: string): GraphNode | undefined {
    return this.nodes.get(uid);
  }

  /** An object was seen as it is now. */
  observe(resource: ApiResource, object: KubeObject): GraphWork {
    const {
      uid = '',
      name,
      namespace = '',
      finalizers = [],
      ownerReferences = [],
      deletionTimestamp,
    } = object.metadata;
    const examine: GraphNode[] = [];
    const orphan: GraphNode[] = [];
    const node = this.nodeOf(uid);
    const known = node.resource !== undefined;
    Object.assign(node, { resource, kind: resource.kind, name, namespace });
    this.setOwners(node, ownerReferences, examine);
    const deleting = deletionTimestamp !== undefined;
    const foreground = deleting && finalizers.includes(foregroundFinalizer);
    const orphaning = deleting && finalizers.includes(orphanFinalizer);
    if (foreground && !node.foreground) examine.push(node, ...node.dependents);
    if (orphaning && !node.orphaning) orphan.push(node);
    Object.assign(node, { deleting, foreground, orphaning });
    // Owned by what is going away in the foreground: it goes too.
    const owned = ownerReferences.map((reference) => this.nodes.get(reference.uid));
    if (!known && owned.some((owner) => owner?.foreground === true)) examine.push(node);
    return { examine, orphan };
  }

  /** An object is gone. */
  remove(uid: string): GraphWork {
    const node = this.nodes.get(uid);
    if (node === undefined) return { examine: [], orphan: [] };
    const examine = [...node.dependents];
    for (const { uid: owner } of node.owners) {
      const ownerNode = this.nodes.get(owner);
      if (ownerNode === undefined) continue;
      ownerNode.dependents.delete(node);
      if (ownerNode.foreground) examine.push(ownerNode);
      this.dropIfUnused(ownerNode);
    }
    node.owners = [];
    if (node.dependents.size === 0) this.nodes.delete(uid);
    // Kept while something refers to it, as a name without an object; examined dependents let it go.
    else node.resource = undefined;
    return { examine, orphan: [] };
  }

  private setOwners(node: GraphNode, owners: readonly OwnerReference[], examine: GraphNode[]): void {
    const now = new Set(owners.map(({ uid }) => uid));
    for (const { uid } of node.owners) {
      if (now.has(uid)) continue;
      const owner = this.nodes.get(uid);
      owner?.dependents.delete(node);
      if (owner?.foreground === true) examine.push(owner);
      if (owner !== undefined) this.dropIfUnused(owner);
    }
    for (const { uid, kind, name } of owners) {
      const owner = this.nodeOf(uid);
      if (owner.resource === undefined && owner.name === '') Object.assign(owner, { kind, name });
      const added = !owner.dependents.has(node);
      owner.dependents.add(node);
      // The owner was not seen: it comes later, or is gone. Only the server can tell.
      if (added && owner.resource === undefined) examine.push(node);
    }
    const blocking = (references: readonly OwnerReference[]): string =>
      references.map(({ uid, blockOwnerDeletion }) => `${uid}:${blockOwnerDeletion === true}`).join();
    if (blocking(node.owners) !== blocking(owners)) {
      for (const { uid } of owners) {
        const owner = this.nodes.get(uid);
        if (owner?.foreground === true) examine.push(owner);
      }
    }
    node.owners = owners;
  }

  private nodeOf(uid: string): GraphNode {
    let node = this.nodes.get(uid);
    if (node === undefined) {
      node = {
        uid,
        resource: undefined,
        kind: '',
        namespace: '',
        name: '',
        owners: [],
        dependents: new Set(),
        deleting: false,
        foreground: false,
        orphaning: false,
      };
      this.nodes.set(uid, node);
    }
    return node;
  }

  private dropIfUnused(node: GraphNode): void {
    if (node.resource === undefined && node.dependents.size === 0) this.nodes.delete(node.uid);
  }
}

/** The dependents that a foreground deletion waits for. */
export function blockingDependents(node: GraphNode): GraphNode[] {
  return [...node.dependents].filter(({ owners }) =>
    owners.some(({ uid, blockOwnerDeletion }) => uid === node.uid && blockOwnerDeletion === true),
  );
}
