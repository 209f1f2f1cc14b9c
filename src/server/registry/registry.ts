import { randomUUID } from 'node:crypto';
import type { ResourceDefinition, UpdateStrategy } from '../../api/resource.ts';
import { equal } from '../../machinery/json.ts';
import { formatGroupVersion, type UnknownObject } from '../../machinery/meta.ts';
import {
  generateName,
  inheritObjectMeta,
  tidyObjectMeta,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../machinery/object-meta.ts';
import {
  ApiError,
  alreadyExists,
  apiError,
  badRequest,
  conflict,
  type FieldError,
  invalid,
  isAlreadyExists,
  isConflict,
  notFound,
  staleObjectMessage,
} from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { isStoreError, type Store } from '../../store/contract.ts';
import type { AdmissionChain } from '../contract.ts';
import type { CacheEntry } from '../watch-cache/cache-entry.ts';
import type { CacheHub } from '../watch-cache/cache-hub.ts';
import { storedBytes } from '../watch-cache/object-bytes.ts';
import { trackFieldManager } from './field-managers.ts';
import { noHooks, type ResourceHooks } from './resource-hooks.ts';
import { fromStoreError } from './store-failure.ts';
import { keyOf, objectOf, type Target, targetOf, toStored } from './target.ts';
import { admissionAttributes, type WriteRequest, type Written } from './write-request.ts';

/** Tries of a write that names no resourceVersion against others that come in between. */
const conflictRetriesMax = 10;
/** Names tried for a `generateName`. */
const generatedNamesMax = 8;

export interface RegistryOptions {
  readonly store: Store;
  readonly hub: CacheHub;
  readonly admission: AdmissionChain;
  readonly clock: () => number;
  /** By `group/resource`. */
  readonly hooks: ReadonlyMap<string, ResourceHooks>;
}

export interface UpdateRules {
  /**
   * Answers the new object from the old one, which is shared and must not be changed; the answer is the registry's own
   * copy. Called again when another write came in between.
   */
  change(old: UnknownObject): UnknownObject | Promise<UnknownObject>;
  /** A new object to create when there is none; absent: 404. */
  readonly createInstead?: (() => UnknownObject | Promise<UnknownObject>) | undefined;
}

/** Writes objects of any row: the rules that hold for every kind, around those the row brings. */
export class Registry {
  readonly hub: CacheHub;
  readonly clock: () => number;
  readonly #store: Store;
  readonly #admission: AdmissionChain;
  readonly #hooks: ReadonlyMap<string, ResourceHooks>;

  constructor(options: RegistryOptions) {
    this.hub = options.hub;
    this.clock = options.clock;
    this.#store = options.store;
    this.#admission = options.admission;
    this.#hooks = options.hooks;
  }

  get admission(): AdmissionChain {
    return this.#admission;
  }

  hooksOf({ group, resource }: { group: string; resource: string }): ResourceHooks {
    return this.#hooks.get(`${group}/${resource}`) ?? noHooks;
  }

  /** `object` is the caller's own copy. */
  async create(request: WriteRequest, object: UnknownObject): Promise<Written> {
    const base = object.metadata.generateName ?? '';
    if ((object.metadata.name ?? '') !== '' || base === '') return this.#createOnce(request, object);
    const name = this.#freeName(request, base);
    object.metadata.name = name;
    try {
      return await this.#createOnce(request, object);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      throw apiError(
        409,
        'AlreadyExists',
        `${alreadyExists(request.row, name).message}, the server was not able to generate a unique name for the object`,
        { name, kind: request.row.resource },
      );
    }
  }

  /** A generated name that nothing known has: looked up beforehand, so that no copy need be kept for a second try. */
  #freeName({ row, namespace }: WriteRequest, base: string): string {
    const { cache } = targetOf(this.hub, row);
    for (let attempt = 1; ; attempt++) {
      const name = generateName(base);
      if (attempt === generatedNamesMax || cache.get(keyOf(row, namespace, name)) === undefined) return name;
    }
  }

  /** Reads, changes and writes; again when another write came in between and the caller named no resourceVersion. */
  async update(request: WriteRequest, rules: UpdateRules): Promise<Written> {
    const target = targetOf(this.hub, request.row);
    const key = keyOf(request.row, request.namespace, request.name);
    for (let attempt = 1; ; attempt++) {
      await this.hub.fresh();
      const entry = target.cache.get(key);
      if (entry === undefined) {
        const instead = await rules.createInstead?.();
        if (instead === undefined) throw notFound(request.row, request.name);
        try {
          return await this.create(request, instead);
        } catch (error) {
          // Someone else has created it meanwhile: there is something to update now.
          if (!isAlreadyExists(error) || attempt >= conflictRetriesMax) throw error;
          continue;
        }
      }
      const old = await objectOf(target, entry);
      const updated = await rules.change(old);
      const unconditional = (updated.metadata.resourceVersion ?? '') === '';
      checkPreconditions(request, updated, old);
      try {
        return await this.#updateOnce(request, target, entry, old, updated);
      } catch (error) {
        const retry =
          isConflict(error) && (unconditional || old.metadata.resourceVersion === updated.metadata.resourceVersion);
        if (!retry || attempt >= conflictRetriesMax || !this.#isStale(target, key, entry)) throw error;
      }
    }
  }

  /** Writes an object back that is about to go or has lost its last reason to stay. Used by deletion. */
  async replace(request: WriteRequest, entry: CacheEntry, object: UnknownObject): Promise<Written> {
    const target = targetOf(this.hub, request.row);
    return this.#write(request, target, entry, object);
  }

  /** Takes the object out of the store. Answers the revision of that, undefined for a dry run. */
  async remove(request: WriteRequest, entry: CacheEntry): Promise<number | undefined> {
    if (request.dryRun) return undefined;
    const { cache } = targetOf(this.hub, request.row);
    try {
      const revision = await this.#store.delete(cache.prefix + entry.key, entry.revision);
      await this.hub.reached(revision);
      return revision;
    } catch (error) {
      throw fromStoreError(error, request.row, entry.name);
    }
  }

  async #createOnce(request: WriteRequest, object: UnknownObject): Promise<Written> {
    const { row } = request;
    const target = targetOf(this.hub, row);
    const { strategy } = row;
    fillCreatedMeta(object, this.clock());
    strategy.applyDefaults(object);
    tidyObjectMeta(object.metadata, request.warnings);
    // The client owns what it sent and its defaults, not what admission and the strategy add.
    trackFieldManager(request, undefined, object, this.clock());
    const { name } = object.metadata;
    const attributes = admissionAttributes(this.#admission, request, 'CREATE', { object, name: name ?? '' });
    if (attributes !== undefined) {
      await this.#admission.admit(attributes);
      tidyObjectMeta(object.metadata, request.warnings);
    }
    // After admission, since what it adds counts: a pod's QoS class comes from the limits that it was given.
    strategy.prepareForCreate(object);
    const reservation = this.hooksOf(row).beforeCreate?.(object, request.dryRun);
    try {
      const errors = [
        ...validateObjectMeta(
          object.metadata,
          { namespaced: row.namespaced, validateName: strategy.validateName },
          'metadata',
        ),
        ...strategy.validate(object),
      ];
      if (errors.length > 0) throw invalid(row, name ?? '', errors);
      if (attributes !== undefined) await this.#admission.validate(attributes);
      addWarnings(request, strategy.warnings?.(object));
      return await this.#insert(request, target, object);
    } catch (error) {
      reservation?.release();
      throw error;
    }
  }

  async #insert(request: WriteRequest, target: Target, object: UnknownObject): Promise<Written> {
    const { row, dryRun } = request;
    const { cache } = target;
    const { name, namespace = '' } = object.metadata;
    const key = keyOf(row, namespace, name);
    if (dryRun) {
      await this.hub.fresh();
      const present = cache.get(key);
      if (present !== undefined) throw nameTaken(row, present.object, name);
      return { object, created: true };
    }
    const stored = await toStored(row, object);
    const bytes = storedBytes(stored);
    this.hub.rememberDecoded(bytes, stored);
    try {
      const revision = await this.#store.create(cache.prefix + key, bytes);
      await this.hub.reached(revision);
      return { ...this.#result(target, key, revision, object), created: true };
    } catch (error) {
      if (isStoreError(error, 'exists')) throw nameTaken(row, cache.get(key)?.object, name);
      throw fromStoreError(error, row, name);
    } finally {
      this.hub.forgetDecoded(bytes);
    }
  }

  async #updateOnce(
    request: WriteRequest,
    target: Target,
    entry: CacheEntry,
    old: UnknownObject,
    updated: UnknownObject,
  ): Promise<Written> {
    const { row, subresource } = request;
    const rules = subresource?.strategy ?? row.strategy;
    row.strategy.applyDefaults(updated);
    inheritObjectMeta(updated.metadata, old.metadata);
    inheritGeneration(updated, old);
    updated.metadata.resourceVersion = String(entry.revision);
    tidyObjectMeta(updated.metadata, request.warnings);
    prepareForUpdate(rules, updated, old);
    trackFieldManager(request, old, updated, this.clock());
    const { shown } = request;
    const attributes = admissionAttributes(this.#admission, request, 'UPDATE', {
      object: shown?.show(updated) ?? updated,
      oldObject: shown?.show(old) ?? old,
      name: entry.name,
    });
    if (attributes !== undefined) {
      await this.#admission.admit(attributes);
      if (attributes.object !== undefined) shown?.take(updated, attributes.object);
      tidyObjectMeta(updated.metadata, request.warnings);
      // Once more: what admission changed must not get past the strategy, and counts for the generation.
      prepareForUpdate(rules, updated, old);
    }
    const reservation = this.hooksOf(row).beforeUpdate?.(updated, old, request.dryRun);
    try {
      const errors = [
        ...validateObjectMetaUpdate(updated.metadata, old.metadata, 'metadata'),
        ...rules.validateUpdate(updated, old),
      ];
      if (errors.length > 0) throw invalid(row, entry.name, errors);
      if (attributes !== undefined) await this.#admission.validate(attributes);
      if (subresource === undefined) addWarnings(request, row.strategy.warnings?.(updated, old));
      if (this.#isFreeToGo(row, updated)) {
        await this.remove(request, entry);
        return { object: updated, created: false };
      }
      return await this.#write(request, target, entry, updated);
    } catch (error) {
      reservation?.release();
      throw error;
    }
  }

  async #write(request: WriteRequest, target: Target, entry: CacheEntry, object: UnknownObject): Promise<Written> {
    const { row, dryRun } = request;
    const stored = await toStored(row, object);
    stored.metadata.resourceVersion = String(entry.revision);
    // A write that changes nothing keeps the resourceVersion and wakes no watcher.
    if (equal(stored, entry.object)) return { object, bytes: bytesOf(target, entry), created: false };
    if (dryRun) return { object, created: false };
    const bytes = storedBytes(stored);
    this.hub.rememberDecoded(bytes, stored);
    try {
      const revision = await this.#store.update(target.cache.prefix + entry.key, bytes, entry.revision);
      await this.hub.reached(revision);
      return { ...this.#result(target, entry.key, revision, object), created: false };
    } catch (error) {
      throw fromStoreError(error, row, entry.name);
    } finally {
      this.hub.forgetDecoded(bytes);
    }
  }

  /** The written object with its new resourceVersion; its bytes unless yet another write has replaced it. */
  #result(target: Target, key: string, revision: number, object: UnknownObject): Omit<Written, 'created'> {
    object.metadata.resourceVersion = String(revision);
    const entry = target.cache.get(key);
    return { object, ...(entry?.revision === revision ? { bytes: bytesOf(target, entry) } : {}) };
  }

  /** Marked for deletion, and nothing holds it back any more. */
  #isFreeToGo(row: { group: string; resource: string }, object: UnknownObject): boolean {
    const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
    if (deletionTimestamp === undefined || deletionGracePeriodSeconds > 0 || finalizers.length > 0) return false;
    return this.hooksOf(row).holdsDeletion?.(object) !== true;
  }

  #isStale({ cache }: Target, key: string, entry: CacheEntry): boolean {
    const now = cache.get(key);
    return now === undefined || now.revision !== entry.revision;
  }
}

function bytesOf({ row }: Target, entry: CacheEntry): Buffer | undefined {
  return row.storedAs === undefined ? entry.bytes : undefined;
}

function fillCreatedMeta(object: UnknownObject, now: number): void {
  const { metadata } = object;
  if ((metadata.resourceVersion ?? '') !== '') {
    throw apiError(500, '', 'resourceVersion should not be set on objects to be created');
  }
  delete metadata.selfLink;
  delete metadata.generation;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.resourceVersion;
  metadata.uid = randomUUID();
  metadata.creationTimestamp = rfc3339(now);
}

/**
 * A subresource may put all metadata back to what it was, but who owns the fields that it does write is for the
 * tracking of managed fields to say.
 */
function prepareForUpdate(rules: UpdateStrategy, updated: UnknownObject, old: UnknownObject): void {
  const { managedFields } = updated.metadata;
  rules.prepareForUpdate(updated, old);
  if (managedFields === undefined) delete updated.metadata.managedFields;
  else updated.metadata.managedFields = managedFields;
}

/** The client does not decide on the generation; the strategy raises it. */
function inheritGeneration({ metadata }: UnknownObject, old: UnknownObject): void {
  if (old.metadata.generation === undefined) delete metadata.generation;
  else metadata.generation = old.metadata.generation;
  delete metadata.selfLink;
}

function checkPreconditions({ row, name }: WriteRequest, updated: UnknownObject, old: UnknownObject): void {
  const { resourceVersion = '', uid = '' } = updated.metadata;
  if (resourceVersion === '' && row.strategy.allowUnconditionalUpdate === false) {
    const missing: FieldError = {
      type: 'invalid',
      field: 'metadata.resourceVersion',
      value: 0n,
      detail: 'must be specified for an update',
    };
    // Upstream names the resource where a kind belongs.
    throw invalid({ group: row.group, kind: row.resource }, name, [missing]);
  }
  if (resourceVersion !== '' && resourceVersion !== old.metadata.resourceVersion) {
    if (!/^[0-9]+$/.test(resourceVersion)) {
      throw badRequest(`invalid resourceVersion ${JSON.stringify(resourceVersion)} of ${formatGroupVersion(row)}`);
    }
    throw conflict(row, name, staleObjectMessage);
  }
  if (uid !== '' && uid !== old.metadata.uid) {
    throw conflict(
      row,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid ?? ''}`,
    );
  }
}

/** 409; the words say when the name will be free. */
function nameTaken(row: ResourceDefinition, present: UnknownObject | undefined, name: string): ApiError {
  const { status } = alreadyExists(row, name);
  if (present?.metadata.deletionTimestamp === undefined) return new ApiError(status);
  return new ApiError({ ...status, message: `object is being deleted: ${status.message ?? ''}` });
}

function addWarnings({ warnings }: WriteRequest, found: readonly string[] | undefined): void {
  if (found !== undefined) warnings.push(...found);
}
