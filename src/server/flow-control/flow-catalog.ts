import type { FlowSchema, PriorityLevelConfiguration } from '../../api/flowcontrol/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { Logger } from '../../machinery/logger.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { ObjectAccess } from '../contract.ts';
import type { Dispatcher } from './dispatcher.ts';
import { CompiledFlowSchema, type FlowRequest, FlowSchemaList } from './flow-schema.ts';
import { PriorityLevel, seatShareOf } from './priority-level.ts';

const group = 'flowcontrol.apiserver.k8s.io';
const flowSchemas = { group, resource: 'flowschemas' };
const levelConfigurations = { group, resource: 'prioritylevelconfigurations' };

/** Where the requests of one schema go, with what was counted of them. */
export interface Flow {
  readonly schema: CompiledFlowSchema;
  readonly level: PriorityLevel;
  readonly counts: FlowCounts;
}

export interface FlowCounts {
  readonly schemaName: string;
  readonly levelName: string;
  dispatched: number;
  executing: number;
  waiting: number;
  waitedSeconds: number;
  waits: number;
  readonly rejected: Map<string, number>;
}

export interface FlowCatalogOptions {
  readonly objects: ObjectAccess;
  readonly dispatcher: Dispatcher;
  readonly seatsTotal: number;
  readonly logger: Logger;
  readonly now: () => number;
}

/** The FlowSchemas and PriorityLevelConfigurations as they stand, ready to be asked for every request. */
export class FlowCatalog {
  readonly #options: FlowCatalogOptions;
  readonly #levels = new Map<string, PriorityLevel>();
  readonly #counts = new Map<string, FlowCounts>();
  readonly #stops: readonly (() => void)[];
  #list = new FlowSchemaList([]);
  #flows = new Map<CompiledFlowSchema, Flow>();
  #reload: NodeJS.Immediate | undefined;

  constructor(options: FlowCatalogOptions) {
    this.#options = options;
    const changed = (): void => {
      // Many objects change at once at the first start; they are read once.
      this.#reload ??= setImmediate(() => this.#load());
    };
    this.#stops = [flowSchemas, levelConfigurations].map((of) => options.objects.onChange(of, changed));
    this.#load();
  }

  get levels(): Iterable<PriorityLevel> {
    return this.#levels.values();
  }

  get counts(): Iterable<FlowCounts> {
    return this.#counts.values();
  }

  /** Undefined where no schema matches: the one that matches everything is not there (yet). */
  find(request: FlowRequest): Flow | undefined {
    const schema = this.#list.find(request);
    return schema === undefined ? undefined : this.#flows.get(schema);
  }

  close(): void {
    clearImmediate(this.#reload);
    for (const stop of this.#stops) stop();
  }

  #load(): void {
    this.#reload = undefined;
    const { objects, dispatcher } = this.#options;
    this.#loadLevels(objects.list(levelConfigurations).map((object) => as<PriorityLevelConfiguration>(object)));
    dispatcher.useLevels([...this.#levels.values()]);
    const all = objects.list(flowSchemas);
    this.#flows = new Map();
    for (const object of all) {
      const schema = new CompiledFlowSchema(as<FlowSchema>(object));
      const level = this.#levels.get(schema.levelName);
      if (level !== undefined) this.#flows.set(schema, { schema, level, counts: this.#countsOf(schema) });
      this.#tellWhetherDangling(object, schema.levelName, level !== undefined);
    }
    this.#list = new FlowSchemaList([...this.#flows.keys()]);
    this.#forgetCounts();
  }

  #loadLevels(configurations: readonly PriorityLevelConfiguration[]): void {
    let shares = 0;
    for (const { spec } of configurations) {
      shares += (spec.limited ?? spec.exempt)?.nominalConcurrencyShares ?? 0;
    }
    const names = new Set<string>();
    for (const configuration of configurations) {
      const { name = '' } = configuration.metadata;
      names.add(name);
      const level = this.#levels.get(name) ?? new PriorityLevel(name);
      this.#levels.set(name, level);
      level.configure(configuration, seatShareOf(configuration, this.#options.seatsTotal, shares));
    }
    for (const name of this.#levels.keys()) if (!names.has(name)) this.#levels.delete(name);
  }

  #countsOf({ name: schemaName, levelName }: CompiledFlowSchema): FlowCounts {
    const key = `${schemaName}/${levelName}`;
    let counts = this.#counts.get(key);
    if (counts === undefined) {
      const zero = { dispatched: 0, executing: 0, waiting: 0, waitedSeconds: 0, waits: 0 };
      counts = { schemaName, levelName, ...zero, rejected: new Map() };
      this.#counts.set(key, counts);
    }
    return counts;
  }

  #forgetCounts(): void {
    const used = new Set([...this.#flows.values()].map(({ counts }) => counts));
    for (const [key, counts] of this.#counts) if (!used.has(counts)) this.#counts.delete(key);
  }

  #tellWhetherDangling(object: UnknownObject, levelName: string, isThere: boolean): void {
    const { objects, logger, now } = this.#options;
    const wanted = danglingCondition(levelName, isThere);
    if (isTold(object, wanted)) return;
    const write = objects.modify(
      flowSchemas,
      '',
      object.metadata.name ?? '',
      (copy) => {
        if (isTold(copy, wanted)) return false;
        const schema = as<FlowSchema>(copy);
        const others = (schema.status?.conditions ?? []).filter(({ type }) => type !== wanted.type);
        schema.status = { conditions: [...others, { ...wanted, lastTransitionTime: rfc3339(now()) }] };
        return true;
      },
      'status',
    );
    write.catch((error: unknown) => {
      if (!isNotFound(error)) logger.warn({ err: error, flowSchema: object.metadata.name }, 'Flow schema was not told');
    });
  }
}

/** In the words of k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go. */
function danglingCondition(levelName: string, isThere: boolean) {
  const subject = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(levelName)}`;
  return isThere
    ? { type: 'Dangling', status: 'False', reason: 'Found', message: `${subject} and it exists` }
    : { type: 'Dangling', status: 'True', reason: 'NotFound', message: `${subject} but there is no such object` };
}

function isTold(object: UnknownObject, wanted: ReturnType<typeof danglingCondition>): boolean {
  const told = as<FlowSchema>(object).status?.conditions?.find(({ type }) => type === wanted.type);
  return told?.status === wanted.status && told.message === wanted.message;
}
