import type { APIService, APIServiceCondition } from '../../api/apiregistration/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { Logger } from '../../machinery/logger.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { isNotFound, serviceUnavailable } from '../../machinery/status-error.ts';
import type { ObjectAccess, ObjectChange } from '../contract.ts';
import type { RemoteVersion, RemoteVersions } from '../discovery/remote-versions.ts';
import type { KeyPair } from '../pki/certificates.ts';
import type { Handler, RequestContext } from '../request.ts';
import type { ConnectToService } from '../service-connection.ts';
import { type Availability, checkAvailability, localAvailability } from './availability.ts';
import { Backend } from './backend.ts';
import { forward } from './forwarding.ts';

const apiServices = { group: 'apiregistration.k8s.io', resource: 'apiservices' };

/** What answers is asked again this often, what does not more often. */
const recheckMs = { available: 30_000, unavailable: 2_000 };
/** Changes of a Service and its endpoints that come together are one reason to look. */
const settleMs = 50;

export interface AggregationOptions {
  readonly objects: ObjectAccess;
  readonly connectToService: ConnectToService;
  /** What extension servers know this server by. */
  readonly credentials: () => Promise<KeyPair>;
  readonly logger: Logger;
  readonly now: () => number;
}

/**
 * Group versions that other servers serve: an APIService with a Service takes `/apis/<group>/<version>` away from this
 * server. Looks after their condition `Available`, and tells discovery what they have.
 */
export class Aggregation implements RemoteVersions {
  generation = 0;
  readonly #options: AggregationOptions;
  readonly #services = new Map<string, AggregatedService>();
  readonly #stops: (() => void)[] = [];

  constructor(options: AggregationOptions) {
    this.#options = options;
    const { objects } = options;
    for (const object of objects.list(apiServices)) this.#put(object);
    this.#stops.push(
      objects.onChange(apiServices, (change) => this.#follow(change)),
      objects.onChange({ group: '', resource: 'services' }, ({ namespace, name }) => this.#recheck(namespace, name)),
      objects.onChange({ group: 'discovery.k8s.io', resource: 'endpointslices' }, ({ namespace, object }) =>
        this.#recheck(namespace, object.metadata.labels?.['kubernetes.io/service-name'] ?? ''),
      ),
    );
  }

  all(): readonly RemoteVersion[] {
    return [...this.#services.values()].flatMap(({ remote }) => remote ?? []);
  }

  /** The extension server that a request belongs to; undefined: it is this server's own. */
  handlerFor({ info, path }: RequestContext): Handler | undefined {
    if (this.#services.size === 0) return undefined;
    const key = info.isResourceRequest ? `${info.apiVersion}.${info.apiGroup}` : groupVersionOf(path);
    const found = key === undefined ? undefined : this.#services.get(key);
    return found?.backend === undefined ? undefined : found.handle;
  }

  close(): void {
    for (const stop of this.#stops) stop();
    for (const service of this.#services.values()) service.close();
  }

  #follow({ type, name, object }: ObjectChange): void {
    if (type === 'put') this.#put(object);
    else {
      this.#services.get(name)?.close();
      this.#services.delete(name);
      this.generation++;
    }
  }

  #put(object: UnknownObject): void {
    const service = as<APIService>(object);
    const name = service.metadata.name ?? '';
    const known = this.#services.get(name);
    if (known?.takes(service) === true) return;
    known?.close();
    this.#services.set(
      name,
      new AggregatedService(service, this.#options, () => {
        this.generation++;
      }),
    );
    this.generation++;
  }

  #recheck(namespace: string, name: string): void {
    for (const { backend, check } of this.#services.values()) {
      if (backend?.service.namespace === namespace && backend.service.name === name) check(settleMs);
    }
  }
}

/** One APIService: the way to its server, and whether that answers. */
class AggregatedService {
  /** Absent: what it names is served here. */
  readonly backend: Backend | undefined;
  readonly #options: AggregationOptions;
  readonly #changed: () => void;
  readonly #spec: string;
  #service: APIService;
  #availability: Availability | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(service: APIService, options: AggregationOptions, changed: () => void) {
    this.#service = service;
    this.#spec = JSON.stringify(service.spec);
    this.#options = options;
    this.#changed = changed;
    const { connectToService, credentials } = options;
    this.backend =
      service.spec.service === undefined ? undefined : new Backend(service.spec, connectToService, credentials);
    this.check(0);
  }

  /** Takes a newer state of the same service; false when it names another server. */
  takes(service: APIService): boolean {
    if (JSON.stringify(service.spec) !== this.#spec) return false;
    this.#service = service;
    return true;
  }

  get remote(): RemoteVersion | undefined {
    if (this.backend === undefined) return undefined;
    const { group = '', version = '', versionPriority } = this.#service.spec;
    const { isAvailable = false, resources = [] } = this.#availability ?? {};
    return { group, version, versionPriority, resources, isCurrent: isAvailable };
  }

  readonly handle: Handler = async (context) => {
    if (this.backend === undefined || this.#availability?.isAvailable === false) {
      throw serviceUnavailable('service unavailable');
    }
    await forward(context, this.backend);
  };

  /** Looks again after this time, and from then on now and again. */
  readonly check = (afterMs: number): void => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#look().catch((error: unknown) => {
        this.#options.logger.warn(
          { err: error, apiService: this.#service.metadata.name },
          'Could not check an APIService',
        );
        this.#checkAgain(recheckMs.unavailable);
      });
    }, afterMs);
    this.#timer.unref();
  };

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.backend?.close();
  }

  #checkAgain(afterMs: number): void {
    if (!this.#isClosed) this.check(afterMs);
  }

  async #look(): Promise<void> {
    const before = this.#availability;
    const found =
      this.backend === undefined
        ? localAvailability
        : await checkAvailability(this.#service, this.backend, this.#options.objects);
    if (this.#isClosed) return;
    // What a server said before it fell silent is still what it has.
    this.#availability = { ...(before?.resources === undefined ? {} : { resources: before.resources }), ...found };
    if (JSON.stringify(this.#availability) !== JSON.stringify(before)) this.#changed();
    await this.#writeCondition(found);
    if (this.backend !== undefined) {
      this.#checkAgain(found.isAvailable ? recheckMs.available : recheckMs.unavailable);
    }
  }

  async #writeCondition({ isAvailable, reason, message }: Availability): Promise<void> {
    const { objects, now } = this.#options;
    const wanted = { type: 'Available', status: isAvailable ? 'True' : 'False', reason, message };
    const change = (object: UnknownObject): boolean => {
      const service = as<APIService>(object);
      const conditions = service.status?.conditions ?? [];
      const kept = conditions.find(({ type }) => type === 'Available');
      if (kept !== undefined && isSame(kept, wanted)) return false;
      const lastTransitionTime =
        kept?.status === wanted.status ? kept.lastTransitionTime : `${new Date(now()).toISOString().slice(0, 19)}Z`;
      const others = conditions.filter(({ type }) => type !== 'Available');
      const written = { ...wanted, ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }) };
      service.status = { conditions: [...others, written] };
      return true;
    };
    try {
      await objects.modify(apiServices, '', this.#service.metadata.name ?? '', change, 'status');
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function isSame(kept: APIServiceCondition, wanted: APIServiceCondition): boolean {
  return kept.status === wanted.status && kept.reason === wanted.reason && kept.message === wanted.message;
}

/** `/apis/<group>/<version>` -> the name of its APIService. */
function groupVersionOf(path: string): string | undefined {
  const [, root, group, version, ...rest] = path.split('/');
  if (root !== 'apis' || group === undefined || version === undefined) return undefined;
  return rest.length === 0 || (rest.length === 1 && rest[0] === '') ? `${version}.${group}` : undefined;
}
