import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/apps/v1/types.generated.ts';
import type { PodTemplateSpec } from '../../api/core/v1/types.generated.ts';
import { deployments, replicaSets } from '../../api/resource-types.ts';
import type { Client, EventRecorder } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { isAlreadyExists, isNotFound } from '../../machinery/status-error.ts';
import { controllerReferenceTo, isControlledBy } from '../owners.ts';
import { messageOf } from '../pods/pod-control.ts';
import type { PodIndex } from '../pods/pod-index.ts';
import { isPodFinished } from '../pods/pod-state.ts';
import { templateHash } from '../template-hash.ts';
import { maxRevisionOf, newSetAnnotations, revisionAnnotation, revisionOf, withReplicas } from './annotations.ts';
import {
  type ConditionFacts,
  conditionOf,
  countedStatus,
  hasProgressDeadline,
  isComplete,
  nextDeadlineCheckMs,
  rolloutStatus,
  withCondition,
} from './deployment-status.ts';
import {
  activeSets,
  byCreation,
  fenceposts,
  isRollingUpdate,
  isScaling,
  newSetReplicas,
  replicasOf,
  type Scaling,
  scale,
  scaleDownAll,
  scaleDownOld,
  setsToForget,
} from './rollout-plan.ts';

const hashLabel = 'pod-template-hash';

export interface DeploymentSyncOptions {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly pods: PodIndex;
  readonly deployment: Deployment;
  /** All that it owns. */
  readonly sets: readonly ReplicaSet[];
}

/** One reconcile of one Deployment: finds or makes the newest ReplicaSet, takes one step, writes the status. */
export class DeploymentSync {
  private readonly client: Client;
  private readonly recorder: EventRecorder;
  private readonly pods: PodIndex;
  private readonly sets: readonly ReplicaSet[];
  /** Ours to change: status conditions gather on it during the sync. */
  private deployment: Deployment;
  /** Something gathered on it that the next status write has to carry. */
  private noted = false;

  constructor({ client, recorder, pods, deployment, sets }: DeploymentSyncOptions) {
    this.client = client;
    this.recorder = recorder;
    this.pods = pods;
    this.deployment = deployment;
    this.sets = sets;
  }

  async run(): Promise<{ requeueAfterMs: number } | undefined> {
    const { deployment } = this;
    if (deployment.metadata.deletionTimestamp !== undefined) {
      return this.writeCounts(this.sets, this.findNewest());
    }
    this.notePause();
    if (deployment.spec?.paused === true || isScaling(deployment, this.sets)) return this.scaleOnly();
    return isRollingUpdate(deployment) ? this.roll() : this.recreate();
  }

  /** Paused, or resized: sizes change, nothing rolls. */
  private async scaleOnly(): Promise<undefined> {
    const newest = await this.updateNewest(this.findNewest());
    const old = this.oldSets(newest);
    const all = await this.applyScalings(scale(this.deployment, newest, old), withNewest(old, newest));
    if (this.deployment.spec?.paused === true) await this.forgetOld(this.oldSets(newest));
    await this.writeCounts(all, newest);
    return undefined;
  }

  private async roll(): Promise<{ requeueAfterMs: number } | undefined> {
    let newest = await this.ensureNewest();
    const old = this.oldSets(newest);
    const all = [...old, newest];
    const wanted = replicasOf(this.deployment);
    const size = replicasOf(newest) > wanted ? wanted : newSetReplicas(this.deployment, all, replicasOf(newest));
    if (size !== replicasOf(newest)) {
      newest = await this.resize({ set: newest, replicas: size });
      return this.writeProgress([...old, newest], newest);
    }
    const scalings = scaleDownOld(this.deployment, all, activeSets(old), newest);
    if (scalings.length > 0) return this.writeProgress(await this.applyScalings(scalings, all), newest);
    return this.finish(all, old, newest);
  }

  private async recreate(): Promise<{ requeueAfterMs: number } | undefined> {
    let newest = this.findNewest();
    const old = this.oldSets(newest);
    const scalings = scaleDownAll(activeSets(old));
    if (scalings.length > 0) {
      newest = await this.updateNewest(newest);
      return this.writeProgress(await this.applyScalings(scalings, withNewest(old, newest)), newest);
    }
    if (this.hasPods(old)) {
      newest = await this.updateNewest(newest);
      return this.writeProgress(withNewest(old, newest), newest);
    }
    let ensured = await this.ensureNewest();
    const wanted = replicasOf(this.deployment);
    if (replicasOf(ensured) !== wanted) ensured = await this.resize({ set: ensured, replicas: wanted });
    return this.finish([...old, ensured], old, ensured);
  }

  private async finish(all: readonly ReplicaSet[], old: readonly ReplicaSet[], newest: ReplicaSet) {
    if (isComplete(this.deployment, this.deployment.status ?? {})) await this.forgetOld(old);
    return this.writeProgress(all, newest);
  }

  private hasPods(sets: readonly ReplicaSet[]): boolean {
    return sets.some((set) => this.pods.controlledBy(set.metadata.uid ?? '').some((pod) => !isPodFinished(pod)));
  }

  private findNewest(): ReplicaSet | undefined {
    const wanted = withoutHash(this.deployment.spec.template);
    return byCreation(this.sets).find((set) => equal(withoutHash(set.spec?.template ?? {}), wanted));
  }

  private oldSets(newest: ReplicaSet | undefined): ReplicaSet[] {
    return this.sets.filter((set) => set.metadata.uid !== newest?.metadata.uid);
  }

  private async ensureNewest(): Promise<ReplicaSet> {
    const found = await this.updateNewest(this.findNewest());
    return found ?? this.createNewest();
  }

  /** Gives the newest set its revision and the Deployment's annotations. */
  private async updateNewest(newest: ReplicaSet | undefined): Promise<ReplicaSet | undefined> {
    if (newest === undefined) return undefined;
    const revision = maxRevisionOf(this.oldSets(newest)) + 1;
    const current = newest.metadata.annotations ?? {};
    const annotations = newSetAnnotations(this.deployment, current, revision);
    const minReadySeconds = this.deployment.spec.minReadySeconds ?? 0;
    let updated = newest;
    if (!equal(annotations, current) || (newest.spec?.minReadySeconds ?? 0) !== minReadySeconds) {
      updated = await this.client.resource(replicaSets).update({
        ...newest,
        metadata: { ...newest.metadata, annotations },
        spec: { ...newest.spec, selector: newest.spec?.selector ?? {}, minReadySeconds },
      });
    }
    this.setRevision(annotations[revisionAnnotation] ?? String(revision));
    if (
      hasProgressDeadline(this.deployment) &&
      conditionOf(this.deployment.status ?? {}, 'Progressing') === undefined
    ) {
      this.note(progressing('FoundNewReplicaSet', `Found new replica set "${updated.metadata.name}"`));
    }
    return updated;
  }

  private async createNewest(): Promise<ReplicaSet> {
    const revision = maxRevisionOf(this.sets) + 1;
    const set = this.newSet(revision);
    let created: ReplicaSet;
    try {
      created = await this.client.resource(replicaSets).create(set);
    } catch (error) {
      created = await this.settleCreateFailure(set, error);
    }
    const replicas = replicasOf(created);
    if (replicas > 0) this.tellScaled(created, 0, replicas);
    this.setRevision(String(revision));
    if (hasProgressDeadline(this.deployment)) {
      this.note(progressing('NewReplicaSetCreated', `Created new replica set "${created.metadata.name}"`));
    }
    return created;
  }

  private newSet(revision: number): ReplicaSet {
    const { deployment } = this;
    const { template, selector, minReadySeconds = 0 } = deployment.spec;
    const hash = templateHash(template, deployment.status?.collisionCount);
    const labels = { ...template.metadata?.labels, [hashLabel]: hash };
    const replicas = newSetReplicas(deployment, this.sets, 0);
    const max = replicasOf(deployment) + fenceposts(deployment).maxSurge;
    const { namespace } = deployment.metadata;
    return {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${deployment.metadata.name}-${hash}`,
        ...(namespace === undefined ? {} : { namespace }),
        labels,
        annotations: withReplicas(newSetAnnotations(deployment, {}, revision), replicasOf(deployment), max),
        ownerReferences: [controllerReferenceTo(deployment)],
      },
      spec: {
        replicas,
        ...(minReadySeconds === 0 ? {} : { minReadySeconds }),
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
        // The server fills in the name of a template that has none.
        template: { ...template, metadata: { ...(template.metadata as { name: string }), labels } },
      },
    };
  }

  /** A name that is taken is ours from before the cache knew, or a collision of hashes, which the next try avoids. */
  private async settleCreateFailure(set: ReplicaSet, error: unknown): Promise<ReplicaSet> {
    if (isAlreadyExists(error)) {
      const existing = await this.client.resource(replicaSets).get(set.metadata);
      const same = equal(withoutHash(existing.spec?.template ?? {}), withoutHash(this.deployment.spec.template));
      if (isControlledBy(existing, this.deployment) && same) return existing;
      const collisionCount = (this.deployment.status?.collisionCount ?? 0) + 1;
      await this.client
        .resource(deployments)
        .updateStatus({ ...this.deployment, status: { ...this.deployment.status, collisionCount } });
      throw error;
    }
    if (hasProgressDeadline(this.deployment)) {
      const message = `Failed to create new replica set "${set.metadata.name}": ${messageOf(error)}`;
      this.note({ type: 'Progressing', status: 'False', reason: 'ReplicaSetCreateError', message });
      await this.writeStatus(this.deployment.status ?? {}, true);
    }
    throw error;
  }

  private notePause(): void {
    if (!hasProgressDeadline(this.deployment)) return;
    const current = conditionOf(this.deployment.status ?? {}, 'Progressing');
    if (current?.reason === 'ProgressDeadlineExceeded') return;
    const paused = this.deployment.spec.paused === true;
    const wasPaused = current?.reason === 'DeploymentPaused';
    const facts = { type: 'Progressing', status: 'Unknown' as const };
    if (paused && !wasPaused) this.note({ ...facts, reason: 'DeploymentPaused', message: 'Deployment is paused' });
    if (!paused && wasPaused) this.note({ ...facts, reason: 'DeploymentResumed', message: 'Deployment is resumed' });
  }

  /** Puts a condition on our copy; the status write at the end of the sync carries it. */
  private note(facts: ConditionFacts): void {
    const status = this.deployment.status ?? {};
    const conditions = withCondition(status.conditions ?? [], facts, Date.now());
    this.deployment = { ...this.deployment, status: { ...status, conditions } };
    this.noted = true;
  }

  /** Written with the status: by that way, as upstream's, an annotation does not raise the generation. */
  private setRevision(revision: string): void {
    const { metadata } = this.deployment;
    if (metadata.annotations?.[revisionAnnotation] === revision) return;
    const annotations = { ...metadata.annotations, [revisionAnnotation]: revision };
    this.deployment = { ...this.deployment, metadata: { ...metadata, annotations } };
    this.noted = true;
  }

  /** The sets after the scalings, all others as they were. */
  private async applyScalings(scalings: readonly Scaling[], all: readonly ReplicaSet[]): Promise<ReplicaSet[]> {
    const resized = new Map<string | undefined, ReplicaSet>();
    for (const scaling of scalings) resized.set(scaling.set.metadata.uid, await this.resize(scaling));
    return all.map((set) => resized.get(set.metadata.uid) ?? set);
  }

  private async resize({ set, replicas }: Scaling): Promise<ReplicaSet> {
    const before = replicasOf(set);
    const max = replicasOf(this.deployment) + fenceposts(this.deployment).maxSurge;
    const current = set.metadata.annotations ?? {};
    const annotations = withReplicas(current, replicasOf(this.deployment), max);
    if (before === replicas && equal(annotations, current)) return set;
    const updated = await this.client.resource(replicaSets).update({
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, selector: set.spec?.selector ?? {}, replicas },
    });
    if (before !== replicas) this.tellScaled(set, before, replicas);
    return updated;
  }

  private tellScaled({ metadata }: ReplicaSet, before: number, after: number): void {
    const direction = after > before ? 'up' : 'down';
    const message = `Scaled ${direction} replica set ${metadata.name} from ${before} to ${after}`;
    this.recorder.event(this.deployment, 'Normal', 'ScalingReplicaSet', message);
  }

  private async forgetOld(old: readonly ReplicaSet[]): Promise<void> {
    for (const set of setsToForget(this.deployment, old, revisionOf)) {
      try {
        await this.client.resource(replicaSets).delete(set.metadata);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  private async writeProgress(all: readonly ReplicaSet[], newest: ReplicaSet | undefined) {
    const now = Date.now();
    const status = rolloutStatus(this.deployment, all, newest, now);
    await this.writeStatus(status, this.noted);
    const requeueAfterMs = nextDeadlineCheckMs(this.deployment, status, now);
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
  }

  private async writeCounts(all: readonly ReplicaSet[], newest: ReplicaSet | undefined): Promise<undefined> {
    await this.writeStatus(countedStatus(this.deployment, all, newest, Date.now()), this.noted);
    return undefined;
  }

  private async writeStatus(status: DeploymentStatus, always: boolean): Promise<void> {
    if (!always && equal(status, this.deployment.status ?? {})) return;
    try {
      this.deployment = await this.client.resource(deployments).updateStatus({ ...this.deployment, status });
    } catch (error) {
      // Gone meanwhile: nobody is left to tell.
      if (!isNotFound(error)) throw error;
    }
  }
}

function progressing(reason: string, message: string): ConditionFacts {
  return { type: 'Progressing', status: 'True', reason, message };
}

function withNewest(old: readonly ReplicaSet[], newest: ReplicaSet | undefined): ReplicaSet[] {
  return newest === undefined ? [...old] : [...old, newest];
}

function withoutHash(template: PodTemplateSpec): unknown {
  const { labels = {}, annotations, finalizers } = template.metadata ?? {};
  const { [hashLabel]: _hash, ...others } = labels;
  return {
    labels: others,
    annotations: annotations ?? {},
    finalizers: finalizers ?? [],
    spec: template.spec,
  };
}
