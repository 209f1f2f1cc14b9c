import { type Client, type EventRecorder, metadataClient, type ResourceClient } from '../../client/index.ts';
import { type KubeObject, parseGroupVersion } from '../../machinery/meta.ts';
import type { OwnerReference } from '../../machinery/meta-types.generated.ts';
import { isConflict, isNotFound } from '../../machinery/status-error.ts';
import type { ApiResource } from '../api-resources.ts';
import {
  blockingDependents,
  foregroundFinalizer,
  type GraphNode,
  type GraphWork,
  type OwnerGraph,
  orphanFinalizer,
} from './owner-graph.ts';

/** Owners known to be gone, so that a thousand dependents ask once. */
const absentOwnersMax = 500;

export interface CollectorOptions {
  readonly client: Client;
  readonly graph: OwnerGraph;
  readonly recorder: EventRecorder;
  /** Where objects of a kind live; undefined for a kind that the server does not have. */
  readonly resourceOf: (group: string, kind: string) => ApiResource | undefined;
  readonly enqueue: (work: GraphWork) => void;
}

interface Owners {
  readonly solid: OwnerReference[];
  readonly dangling: OwnerReference[];
  /** Alive, but going away as soon as their dependents are gone. */
  readonly waiting: OwnerReference[];
}

/** Acts on what the graph says, after asking the server whether it is still so: the graph may be behind. */
export class Collector {
  private readonly options: CollectorOptions;
  private readonly absentOwners = new Set<string>();

  constructor(options: CollectorOptions) {
    this.options = options;
  }

  /** Deletes the object when its owners are gone, or lets it go when its dependents are. */
  async examine(uid: string): Promise<void> {
    const node = this.options.graph.get(uid);
    if (node?.resource === undefined) return;
    if (node.deleting && !node.foreground) return;
    const client = this.clientOf(node.resource);
    const live = await readLive(client, node);
    if (live === undefined || live.metadata.uid !== uid) {
      this.options.enqueue(this.options.graph.remove(uid));
      return;
    }
    if (node.foreground) {
      await this.finishForeground(client, node);
      return;
    }
    const references = live.metadata.ownerReferences ?? [];
    if (references.length > 0) await this.settleOwners(client, node, live, await this.classify(node, references));
  }

  /** Sets the dependents free, then lets the owner go. */
  async orphan(uid: string): Promise<void> {
    const node = this.options.graph.get(uid);
    if (node?.resource === undefined || !node.orphaning) return;
    for (const dependent of node.dependents) {
      if (dependent.resource !== undefined) await this.removeReferences(dependent, [uid]);
    }
    await this.removeFinalizer(this.clientOf(node.resource), node, orphanFinalizer);
  }

  private async finishForeground(client: ResourceClient<KubeObject>, node: GraphNode): Promise<void> {
    const blocking = blockingDependents(node);
    if (blocking.length === 0) {
      await this.removeFinalizer(client, node, foregroundFinalizer);
      return;
    }
    const examine = blocking.filter(({ deleting }) => !deleting);
    if (examine.length > 0) this.options.enqueue({ examine, orphan: [] });
  }

  private async settleOwners(
    client: ResourceClient<KubeObject>,
    node: GraphNode,
    live: KubeObject,
    { solid, dangling, waiting }: Owners,
  ): Promise<void> {
    if (solid.length > 0) {
      const gone = [...dangling, ...waiting].map(({ uid }) => uid);
      if (gone.length > 0) await this.removeReferences(node, gone);
      return;
    }
    if (dangling.length === 0 && waiting.length === 0) return;
    if (waiting.length > 0 && node.dependents.size > 0) {
      // Two that wait for each other would wait for ever: the circle is cut here.
      for (const dependent of node.dependents) {
        if (dependent.foreground) {
          await this.unblock(client, node, live);
          break;
        }
      }
      await deleteLive(client, live, 'Foreground');
      return;
    }
    await deleteLive(client, live, policyOf(live));
  }

  private async classify(node: GraphNode, references: readonly OwnerReference[]): Promise<Owners> {
    const owners: Owners = { solid: [], dangling: [], waiting: [] };
    for (const reference of references) {
      const state = await this.stateOf(node, reference);
      owners[state].push(reference);
    }
    return owners;
  }

  private async stateOf(node: GraphNode, reference: OwnerReference): Promise<keyof Owners> {
    const place = node.namespace;
    if (this.absentOwners.has(`${place}/${reference.uid}`)) return 'dangling';
    const { group } = parseGroupVersion(reference.apiVersion);
    const resource = this.options.resourceOf(group, reference.kind);
    // A kind that nobody serves may be served again: what it owns is not garbage.
    if (resource === undefined) return 'solid';
    if (resource.namespaced && place === '') {
      this.tellBadNamespace(node, reference);
      return 'solid';
    }
    const ref = { name: reference.name, ...(resource.namespaced ? { namespace: place } : {}) };
    const owner = await this.clientOf(resource)
      .get(ref)
      .catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
    if (owner === undefined || owner.metadata.uid !== reference.uid) {
      this.rememberAbsent(`${place}/${reference.uid}`);
      this.warnOfOtherNamespace(node, reference);
      return 'dangling';
    }
    const { deletionTimestamp, finalizers = [] } = owner.metadata;
    return deletionTimestamp !== undefined && finalizers.includes(foregroundFinalizer) ? 'waiting' : 'solid';
  }

  /** The owner lives, but elsewhere: upstream deletes the dependent too, and says why. */
  private warnOfOtherNamespace(node: GraphNode, reference: OwnerReference): void {
    const elsewhere = this.options.graph.get(reference.uid);
    if (elsewhere?.resource === undefined || elsewhere.namespace === node.namespace) return;
    this.tellBadNamespace(node, reference);
  }

  private tellBadNamespace(node: GraphNode, { apiVersion, kind, name, uid }: OwnerReference): void {
    const at = `${apiVersion}/${kind}, namespace: ${node.namespace}, name: ${name}, uid: ${uid}`;
    this.options.recorder.event(
      objectOf(node),
      'Warning',
      'OwnerRefInvalidNamespace',
      `ownerRef [${at}] does not exist in namespace "${node.namespace}"`,
    );
  }

  private async unblock(client: ResourceClient<KubeObject>, node: GraphNode, live: KubeObject): Promise<void> {
    const ownerReferences = (live.metadata.ownerReferences ?? []).map((reference) => ({
      ...reference,
      blockOwnerDeletion: false,
    }));
    await this.patchMetadata(client, node, live, { ownerReferences });
  }

  private async removeReferences(node: GraphNode, uids: readonly string[]): Promise<void> {
    if (node.resource === undefined) return;
    const client = this.clientOf(node.resource);
    await retryOnConflict(async () => {
      const live = await readLive(client, node);
      if (live === undefined || live.metadata.uid !== node.uid) return;
      const all = live.metadata.ownerReferences ?? [];
      const ownerReferences = all.filter(({ uid }) => !uids.includes(uid));
      if (ownerReferences.length < all.length) await this.patchMetadata(client, node, live, { ownerReferences });
    });
  }

  private async removeFinalizer(client: ResourceClient<KubeObject>, node: GraphNode, finalizer: string): Promise<void> {
    await retryOnConflict(async () => {
      const live = await readLive(client, node);
      if (live === undefined || live.metadata.uid !== node.uid) return;
      const all = live.metadata.finalizers ?? [];
      const finalizers = all.filter((entry) => entry !== finalizer);
      if (finalizers.length < all.length) await this.patchMetadata(client, node, live, { finalizers });
    });
  }

  /** Refused with a conflict when the object has changed since it was read. */
  private async patchMetadata(
    client: ResourceClient<KubeObject>,
    node: GraphNode,
    live: KubeObject,
    change: object,
  ): Promise<void> {
    const { uid, resourceVersion } = live.metadata;
    const body = { metadata: { uid, resourceVersion, ...change } };
    try {
      await client.patch(refTo(node), { type: 'merge', body });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  private rememberAbsent(key: string): void {
    this.absentOwners.add(key);
    if (this.absentOwners.size <= absentOwnersMax) return;
    for (const oldest of this.absentOwners) {
      this.absentOwners.delete(oldest);
      return;
    }
  }

  private clientOf(resource: ApiResource): ResourceClient<KubeObject> {
    return metadataClient(this.options.client, resource);
  }
}

async function readLive(client: ResourceClient<KubeObject>, node: GraphNode): Promise<KubeObject | undefined> {
  try {
    return await client.get(refTo(node));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function deleteLive(
  client: ResourceClient<KubeObject>,
  { metadata }: KubeObject,
  propagationPolicy: string,
): Promise<void> {
  const { uid, resourceVersion, name, namespace } = metadata;
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  try {
    await client.delete({ name, namespace }, { preconditions, propagationPolicy });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Dependents are dealt with as was asked for when the object itself was deleted, by the finalizers that are there. */
function policyOf({ metadata: { finalizers = [] } }: KubeObject): string {
  if (finalizers.includes(orphanFinalizer)) return 'Orphan';
  return finalizers.includes(foregroundFinalizer) ? 'Foreground' : 'Background';
}

function refTo({ name, namespace }: GraphNode): { name: string; namespace?: string } {
  return namespace === '' ? { name } : { name, namespace };
}

function objectOf({ resource, kind, name, namespace, uid }: GraphNode): KubeObject {
  const { group = '', version = 'v1' } = resource ?? {};
  const metadata = { name, uid, ...(namespace === '' ? {} : { namespace }) };
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind, metadata };
}

async function retryOnConflict(attempt: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (!isConflict(error) || tries >= 5) throw error;
    }
  }
}
