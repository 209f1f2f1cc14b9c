import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.generated.ts';
import { builtinResources } from '../../api/registry.ts';
import { as } from '../../api/resource.ts';
import { clone, equal } from '../../machinery/json.ts';
import type { Logger } from '../../machinery/logger.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import type { ObjectAccess, VersionedRowCatalog } from '../contract.ts';
import type { ConnectToService } from '../service-connection.ts';
import { createWebhookClient } from '../webhook-client.ts';
import { compileRules } from './compiled-rules.ts';
import { WebhookConverter } from './conversion.ts';
import { type CompiledVersions, customRows } from './custom-rows.ts';
import { cleanupFinalizer } from './definition-hooks.ts';
import { approvalFacts, type ConditionFacts, decideNames, isConditionTrue, setCondition } from './name-conditions.ts';

const definitions = { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' };
/** A definition that could not be followed, or whose objects do not go yet, is looked at again after this. */
const retryMs = 500;
/** Objects of a deleted definition that are deleted at a time. */
const deletionsAtATime = 32;

export interface DefinitionNeeds {
  readonly objects: ObjectAccess;
  readonly rows: VersionedRowCatalog;
  readonly connectToService: ConnectToService;
  readonly logger: Logger;
  readonly now: () => number;
}

/** What the others need to know of a definition: definitions are large, and are not read for their neighbours' sake. */
interface Names {
  readonly name: string;
  readonly group: string;
  readonly status: Pick<NonNullable<CustomResourceDefinition['status']>, 'acceptedNames'>;
}

/** What is kept of one definition that is served. */
interface Followed {
  readonly group: string;
  readonly plural: string;
  readonly versions: CompiledVersions;
  readonly converter: Converter | undefined;
}

interface Converter {
  readonly key: string;
  readonly webhook: WebhookConverter;
}

/**
 * Turns CustomResourceDefinitions into rows that are served, and takes the rows down with them: upstream's naming,
 * establishing and finalizing controllers in one, inside the server, so that a definition serves as soon as it is there.
 */
export class CustomResourceDefinitions {
  readonly #needs: DefinitionNeeds;
  readonly #followed = new Map<string, Followed>();
  readonly #names = new Map<string, Names>();
  readonly #pending = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #running: Promise<void> | undefined;
  #unsubscribe: (() => void) | undefined;
  #closed = false;

  constructor(needs: DefinitionNeeds) {
    this.#needs = needs;
  }

  /** Serves every definition there is; resolves once all of them are. */
  async start(): Promise<void> {
    const { objects } = this.#needs;
    this.#unsubscribe = objects.onChange(definitions, ({ name, object, type }) => {
      const definition = as<CustomResourceDefinition>(object);
      if (type === 'put') this.#note(definition);
      else {
        this.#names.delete(name);
        // A name that is given up may be what another waits for.
        for (const other of this.#ofGroup(definition.spec.group)) this.#add(other.name);
      }
      this.#add(name);
    });
    // One at a time, and a turn for each: all definitions read at once can be hundreds of megabytes.
    for (const name of objects.names(definitions)) {
      const definition = this.#get(name);
      if (definition !== undefined) this.#note(definition);
      this.#pending.add(name);
      await nextTurn();
    }
    this.#kick();
    await this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe?.();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await this.#running;
    for (const { converter } of this.#followed.values()) converter?.webhook.close();
  }

  #add(name: string): void {
    this.#pending.add(name);
    this.#kick();
  }

  #kick(): void {
    if (this.#closed || this.#running !== undefined || this.#pending.size === 0) return;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const [name] = this.#pending;
      if (name === undefined || this.#closed) break;
      this.#pending.delete(name);
      try {
        await this.#follow(name);
      } catch (error) {
        if (!isNotFound(error)) {
          this.#needs.logger.warn({ err: error, definition: name }, 'Failed to follow a definition');
        }
        this.#later(name);
      }
    }
    this.#running = undefined;
  }

  #later(name: string): void {
    if (this.#closed || this.#timers.has(name)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      this.#add(name);
    }, retryMs);
    timer.unref();
    this.#timers.set(name, timer);
  }

  async #follow(name: string): Promise<void> {
    const definition = this.#get(name);
    if (definition === undefined) {
      this.#withdraw(name);
      return;
    }
    const others = this.#ofGroup(definition.spec.group).filter((other) => other.name !== name);
    const decision = decideNames(definition, others, (plural) => isBuiltin(definition.spec.group, plural));
    const facts = [decision.namesAccepted, decision.established, approvalFacts(definition)];
    if (decision.established.status === 'True') {
      const status = { ...definition.status, acceptedNames: decision.accepted };
      await this.#serve(name, { ...definition, status });
    }
    // Whoever reads that the definition is established can use it.
    await this.#writeStatus(
      definition,
      facts.filter((fact) => fact !== undefined),
      decision.accepted,
    );
    if (definition.metadata.deletionTimestamp !== undefined) await this.#finalize(definition);
  }

  async #serve(name: string, definition: CustomResourceDefinition): Promise<void> {
    const { rows } = this.#needs;
    const before = this.#followed.get(name);
    const converter = this.#converterOf(definition, before?.converter);
    const versions = await customRows(
      definition,
      { current: () => this.#get(name), converter: converter?.webhook, compileRules },
      before?.versions,
    );
    await rows.serveVersions(versions.stored, versions.served);
    if (before?.converter !== converter) before?.converter?.webhook.close();
    const { group, names } = definition.spec;
    this.#followed.set(name, { group, plural: names.plural, versions, converter });
  }

  /** The one there is, as long as the definition says the same of it. */
  #converterOf({ spec }: CustomResourceDefinition, before: Converter | undefined): Converter | undefined {
    const { strategy, webhook } = spec.conversion ?? {};
    const config = webhook?.clientConfig;
    if (strategy !== 'Webhook' || config === undefined) return undefined;
    const key = JSON.stringify(spec.conversion);
    if (before?.key === key) return before;
    const known = webhook?.conversionReviewVersions.find((version) => version === 'v1' || version === 'v1beta1');
    const client = createWebhookClient(config, this.#needs.connectToService);
    return { key, webhook: new WebhookConverter(client, known ?? 'v1') };
  }

  #withdraw(name: string): void {
    const followed = this.#followed.get(name);
    if (followed === undefined) return;
    this.#followed.delete(name);
    followed.converter?.webhook.close();
    this.#needs.rows.withdraw({ group: followed.group, resource: followed.plural });
  }

  async #writeStatus(
    definition: CustomResourceDefinition,
    facts: readonly ConditionFacts[],
    accepted: NonNullable<CustomResourceDefinition['status']>['acceptedNames'],
  ): Promise<void> {
    const { objects, now } = this.#needs;
    const apply = (target: CustomResourceDefinition): boolean => {
      target.status ??= {};
      target.status.conditions ??= [];
      const { conditions } = target.status;
      let changed = false;
      for (const fact of facts) changed = setCondition(conditions, fact, now()) || changed;
      if (accepted !== undefined && !equal(target.status.acceptedNames, accepted)) {
        target.status.acceptedNames = accepted;
        changed = true;
      }
      return changed;
    };
    // Looked at on a copy first: most definitions are as they should be, and a start would write them all.
    if (!apply({ ...definition, status: clone(definition.status ?? {}) })) return;
    const { name } = definition.metadata;
    await objects.modify(definitions, '', name, (object) => apply(as<CustomResourceDefinition>(object)), 'status');
  }

  /** Deletes the objects of a definition that is being deleted; lets it go when none is left. */
  async #finalize(definition: CustomResourceDefinition): Promise<void> {
    const { name, finalizers = [] } = definition.metadata;
    if (!finalizers.includes(cleanupFinalizer)) return;
    const { objects } = this.#needs;
    const of = { group: definition.spec.group, resource: definition.spec.names.plural };
    const remaining = isConditionTrue(definition, 'Established') ? objects.list(of) : [];
    if (remaining.length > 0) {
      await this.#writeStatus(
        definition,
        [terminating('InstanceDeletionInProgress', 'CustomResource deletion is in progress')],
        undefined,
      );
      for (let from = 0; from < remaining.length; from += deletionsAtATime) {
        const batch = remaining.slice(from, from + deletionsAtATime);
        await Promise.all(batch.map(({ metadata }) => this.#delete(of, metadata.namespace ?? '', metadata.name)));
      }
      if (objects.list(of).length > 0) {
        this.#later(name);
        return;
      }
    }
    await objects.modify(definitions, '', name, ({ metadata }) => {
      metadata.finalizers = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer);
      return undefined;
    });
  }

  async #delete(of: { group: string; resource: string }, namespace: string, name: string): Promise<void> {
    try {
      await this.#needs.objects.delete(of, namespace, name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #get(name: string): CustomResourceDefinition | undefined {
    const object = this.#needs.objects.get(definitions, '', name);
    return object === undefined ? undefined : as<CustomResourceDefinition>(object);
  }

  #note({ metadata, spec, status }: CustomResourceDefinition): void {
    const { acceptedNames } = status ?? {};
    this.#names.set(metadata.name, {
      name: metadata.name,
      group: spec.group,
      status: acceptedNames === undefined ? {} : { acceptedNames },
    });
  }

  #ofGroup(group: string): Names[] {
    return [...this.#names.values()].filter((known) => known.group === group);
  }
}

function terminating(reason: string, message: string): ConditionFacts {
  return { type: 'Terminating', status: 'True', reason, message };
}

function isBuiltin(group: string, plural: string): boolean {
  return builtinResources.some((row) => row.group === group && row.resource === plural);
}
