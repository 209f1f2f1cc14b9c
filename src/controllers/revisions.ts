import type { ControllerRevision } from '../api/apps/v1/types.generated.ts';
import type { PodTemplateSpec } from '../api/core/v1/types.generated.ts';
import { controllerRevisions } from '../api/resource-types.ts';
import type { Client, Informer, InformerFactory } from '../client/index.ts';
import { equal } from '../machinery/json.ts';
import type { KubeObject } from '../machinery/meta.ts';
import { isAlreadyExists, isNotFound } from '../machinery/status-error.ts';
import { controllerOf, controllerReferenceTo } from './owners.ts';
import { templateHash } from './template-hash.ts';

const byController = 'controllerUid';
export const revisionHashLabel = 'controller-revision-hash';

/** What a workload with a history of pod templates is. */
export interface RevisionedOwner extends KubeObject {
  readonly spec: {
    readonly template: PodTemplateSpec;
    readonly selector: { matchLabels?: Record<string, string> };
    readonly revisionHistoryLimit?: number;
  };
  readonly status?: { readonly collisionCount?: number };
}

/** Keeps the templates that a workload has had, as ControllerRevisions, for `kubectl rollout undo`. */
export class RevisionHistory {
  private readonly client: Client;
  private readonly informer: Informer<ControllerRevision>;

  constructor(client: Client, informers: InformerFactory) {
    this.client = client;
    this.informer = informers.informer(controllerRevisions);
    this.informer.addIndex(byController, (revision) => [controllerOf(revision)?.uid ?? '']);
  }

  /** Oldest first. */
  of(owner: KubeObject): ControllerRevision[] {
    return [...this.informer.byIndex(byController, owner.metadata.uid ?? '')].sort((a, b) => a.revision - b.revision);
  }

  /** The revision of the owner's template of now; made when it is new, raised to the newest when it was had before. */
  async current(owner: RevisionedOwner): Promise<ControllerRevision> {
    const history = this.of(owner);
    const data = dataOf(owner.spec.template);
    const next = (history.at(-1)?.revision ?? 0) + 1;
    const same = history.findLast((revision) => equal(revision.data, data));
    if (same === undefined) return this.create(owner, data, next);
    if (same === history.at(-1)) return same;
    const body = { revision: next };
    return this.client.resource(controllerRevisions).patch(same.metadata, { type: 'merge', body });
  }

  /** Deletes the oldest past the limit that no pod has. */
  async prune(owner: RevisionedOwner, inUse: ReadonlySet<string>): Promise<void> {
    const unused = this.of(owner).filter(({ metadata }) => !inUse.has(metadata.name));
    const surplus = unused.length - (owner.spec.revisionHistoryLimit ?? 10);
    for (const { metadata } of unused.slice(0, Math.max(0, surplus))) {
      try {
        await this.client.resource(controllerRevisions).delete(metadata);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  private async create(owner: RevisionedOwner, data: Record<string, unknown>, revision: number) {
    const { namespace = '', name: ownerName } = owner.metadata;
    // The template's own hash names it, so the same template is found again when the cache has not seen it yet.
    for (let collisions = owner.status?.collisionCount ?? 0; ; collisions++) {
      const hash = templateHash(data, collisions);
      const made: ControllerRevision = {
        apiVersion: 'apps/v1',
        kind: 'ControllerRevision',
        metadata: {
          namespace,
          name: `${ownerName}-${hash}`,
          labels: { ...owner.spec.template.metadata?.labels, [revisionHashLabel]: hash },
          ownerReferences: [controllerReferenceTo(owner)],
        },
        data,
        revision,
      };
      try {
        return await this.client.resource(controllerRevisions).create(made);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        const present = await this.client.resource(controllerRevisions).get(made.metadata);
        if (equal(present.data, data) && controllerOf(present)?.uid === owner.metadata.uid) return present;
      }
    }
  }
}

/** The template that a revision holds. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { spec } = revision.data as { spec: { template: PodTemplateSpec } };
  return spec.template;
}

export function revisionHashOf({ metadata }: ControllerRevision): string {
  return metadata.labels?.[revisionHashLabel] ?? '';
}

/** A patch that puts the template back: what `kubectl rollout undo` sends. */
function dataOf(template: PodTemplateSpec): Record<string, unknown> {
  return { spec: { template: { ...template, $patch: 'replace' } } };
}
