import { type Amounts, addAmounts, toList } from '../../api/core/v1/quota/amounts.ts';
import { isRunningOn } from '../../api/core/v1/quota/pod-usage.ts';
import { isInScope } from '../../api/core/v1/quota/scopes.ts';
import { countName, quotaUsage, resourceOfQuotaName } from '../../api/core/v1/quota/usage.ts';
import type { Pod, ResourceQuota } from '../../api/core/v1/types.generated.ts';
import { persistentVolumeClaims, pods, resourceQuotas, services } from '../../api/resource-types.ts';
import { createWorkQueue, type Informer, sleep } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import type { KubeObject, UnknownObject } from '../../machinery/meta.ts';
import { quantityOf, zeroQuantity } from '../../machinery/quantity.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { CountedResources } from './counted-resources.ts';

/** Everything is counted anew this often, whatever happened. */
const resyncMs = 5 * 60_000;
/**
 * Admission writes what it lets in before the object itself is written: a quota just written is left alone for as long
 * as that may take, or the count would take back what was charged.
 */
const quietMs = 500;
const quietMaxMs = 5_000;
/** Resources of which the objects themselves say how much they count for. */
const measured = new Set(['/pods', '/services', '/persistentvolumeclaims']);

/** Counts what quotas count. Inputs: quotas, and the objects they count. Output: the status of quotas. */
export function resourceQuotaController(context: ControllerContext): Controller {
  return new QuotaCounter(context).controller();
}

class QuotaCounter {
  readonly #context: ControllerContext;
  readonly #queue = createWorkQueue();
  readonly #quotas: Informer<ResourceQuota>;
  readonly #measured: ReadonlyMap<string, Informer<KubeObject>>;
  readonly #counted: CountedResources;
  /** When each quota was last written by somebody else, and since when it has not been quiet; ms. */
  readonly #written = new Map<string, { last: number; since: number }>();

  constructor(context: ControllerContext) {
    this.#context = context;
    const { client, informers, logger, signal } = context;
    this.#quotas = informers.informer(resourceQuotas);
    this.#quotas.addIndex('namespace', ({ metadata }) => [metadata.namespace ?? '']);
    this.#measured = new Map<string, Informer<KubeObject>>([
      ['/pods', informers.informer(pods) as Informer<KubeObject>],
      ['/services', informers.informer(services) as Informer<KubeObject>],
      ['/persistentvolumeclaims', informers.informer(persistentVolumeClaims) as Informer<KubeObject>],
    ]);
    this.#counted = new CountedResources({ client, logger, signal, changed: (namespace) => this.#addAll(namespace) });
    this.#follow();
  }

  controller(): Controller {
    return {
      name: 'resourcequota',
      queue: this.#queue,
      reconcile: (key, signal) => this.#reconcile(key, signal),
      beside: async (signal) => {
        while (!signal.aborted) {
          await sleep(resyncMs, signal).catch(() => undefined);
          for (const quota of this.#quotas.list()) this.#add(quota);
        }
      },
    };
  }

  #follow(): void {
    this.#quotas.addHandler({
      added: (quota) => this.#add(quota),
      updated: (old, quota) => {
        if (!equal(old.status, quota.status)) this.#noteWrite(quota);
        this.#add(quota);
      },
      deleted: (quota) => {
        this.#written.delete(keyOf(quota));
        this.#counted.keepOnly(this.#quotas.list().flatMap(countedOnly));
      },
    });
    const addAll = ({ metadata }: KubeObject): void => this.#addAll(metadata.namespace ?? '');
    for (const [name, informer] of this.#measured) {
      informer.addHandler({
        added: addAll,
        deleted: addAll,
        updated: (old, object) => {
          if (this.#quotas.byIndex('namespace', object.metadata.namespace ?? '').length === 0) return;
          if (name !== '/pods' || changesPod(old as Pod, object as Pod)) addAll(object);
        },
      });
    }
  }

  #add(quota: ResourceQuota): void {
    this.#queue.add(keyOf(quota));
  }

  #addAll(namespace: string): void {
    for (const quota of this.#quotas.byIndex('namespace', namespace)) this.#add(quota);
  }

  #noteWrite(quota: ResourceQuota): void {
    const now = Date.now();
    const before = this.#written.get(keyOf(quota));
    const goesOn = before !== undefined && now - before.last < quietMs;
    this.#written.set(keyOf(quota), { last: now, since: goesOn ? before.since : now });
  }

  /** How long to leave the quota alone. */
  #quietFor(key: string): number {
    const written = this.#written.get(key);
    if (written === undefined) return 0;
    const now = Date.now();
    if (now - written.since > quietMaxMs) return 0;
    return Math.max(0, written.last + quietMs - now);
  }

  async #reconcile(key: string, signal: AbortSignal) {
    const quota = this.#quotas.get(key);
    if (quota === undefined || quota.metadata.deletionTimestamp !== undefined) return undefined;
    const isNew = !equal(quota.status?.hard, quota.spec.hard ?? {});
    const quiet = isNew ? 0 : this.#quietFor(key);
    if (quiet > 0) return { requeueAfterMs: quiet };
    const used = await this.#countAll(quota, signal);
    const status = { hard: quota.spec.hard ?? {}, used };
    if (equal(quota.status, status)) return undefined;
    try {
      await this.#context.client.resource(resourceQuotas).updateStatus({ ...quota, status });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  async #countAll(quota: ResourceQuota, signal: AbortSignal): Promise<Record<string, string>> {
    const { namespace = '' } = quota.metadata;
    const used: Amounts = new Map();
    const hard = Object.keys(quota.spec.hard ?? {});
    const resources = new Map(hard.map((name) => [idOf(resourceOfQuotaName(name)), resourceOfQuotaName(name)]));
    const sum: Amounts = new Map();
    for (const [id, of] of resources) {
      const informer = this.#measured.get(id);
      if (informer !== undefined) this.#measure(sum, quota, of, informer);
      else if (isUnscoped(quota)) {
        const count = await this.#counted.count(of, namespace, signal);
        const amount = quantityOf(count ?? 0);
        sum.set(countName(of), amount);
        sum.set(of.resource, amount);
      }
    }
    for (const name of hard) used.set(name, sum.get(name) ?? zeroQuantity);
    return toList(used);
  }

  #measure(
    sum: Amounts,
    { metadata, spec }: ResourceQuota,
    of: { group: string; resource: string },
    informer: Informer<KubeObject>,
  ): void {
    const now = Date.now();
    for (const object of informer.list(metadata.namespace ?? '')) {
      const known = object as UnknownObject;
      if (isInScope(spec, of, known)) addAmounts(sum, quotaUsage(of, known, now));
    }
  }
}

function keyOf({ metadata }: ResourceQuota): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function idOf({ group, resource }: { group: string; resource: string }): string {
  return `${group}/${resource}`;
}

function isUnscoped({ spec }: ResourceQuota): boolean {
  return (spec.scopes ?? []).length === 0 && (spec.scopeSelector?.matchExpressions ?? []).length === 0;
}

function countedOnly({ spec }: ResourceQuota): { group: string; resource: string }[] {
  const resources = Object.keys(spec.hard ?? {}).map(resourceOfQuotaName);
  return resources.filter((of) => !measured.has(idOf(of)));
}

/** Ended, about to be gone, or resized. */
function changesPod(old: Pod, pod: Pod): boolean {
  const now = Date.now();
  return isRunningOn(old, now) !== isRunningOn(pod, now) || !equal(old.spec, pod.spec);
}
