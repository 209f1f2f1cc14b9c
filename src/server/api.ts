import type { ResourceDefinition, SubresourceDefinition, Verb } from '../api/resource.ts';
import type { Logger } from '../machinery/logger.ts';
import { apiError, methodNotSupported } from '../machinery/status-error.ts';
import type { Store } from '../store/contract.ts';
import type { AdmissionChain, Api, CustomHandler } from './contract.ts';
import { definitionHooks } from './crd/definition-hooks.ts';
import { namespaceHooks } from './registry/namespace-hooks.ts';
import { StoredObjects } from './registry/object-access.ts';
import { Registry } from './registry/registry.ts';
import type { ResourceHooks } from './registry/resource-hooks.ts';
import { isStored, ServedRows } from './registry/row-catalog.ts';
import { ServiceAllocation } from './registry/service-allocation.ts';
import type { Handler, RequestContext } from './request.ts';
import { bindPod } from './verbs/binding.ts';
import { create } from './verbs/create.ts';
import { deleteOne } from './verbs/delete.ts';
import { deleteCollection } from './verbs/delete-collection.ts';
import { evictPod } from './verbs/eviction.ts';
import { get } from './verbs/get.ts';
import { list } from './verbs/list.ts';
import { patch } from './verbs/patch.ts';
import { checkPathSegments } from './verbs/path-segments.ts';
import { serveScale } from './verbs/scale.ts';
import { update } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';
import { CacheHub } from './watch-cache/cache-hub.ts';

export interface ApiOptions {
  readonly store: Store;
  readonly rows: readonly ResourceDefinition[];
  readonly admission: AdmissionChain;
  readonly logger: Logger;
  /** Addresses of Services. Default `10.96.0.0/12`. */
  readonly serviceCidr?: string;
  /** First and last port, inclusive. Default 30000 to 32767. */
  readonly nodePortRange?: { readonly from: number; readonly to: number };
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: () => number;
}

const serviceCidrDefault = '10.96.0.0/12';
const nodePortRangeDefault = { from: 30000, to: 32767 };

type VerbHandler = (context: RequestContext, row: ResourceDefinition, registry: Registry) => Promise<void>;

const verbs: Readonly<Record<Verb, VerbHandler>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: deleteOne,
  deletecollection: deleteCollection,
};

/** Loads the caches from the store and serves the rows. Resolves when requests can be answered. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { store, logger, admission, clock = Date.now } = options;
  const hub = new CacheHub(store, logger);
  const rows = new ServedRows(options.rows, hub);
  await hub.start(options.rows.filter(isStored));
  const services = new ServiceAllocation({
    serviceCidr: options.serviceCidr ?? serviceCidrDefault,
    nodePortRange: options.nodePortRange ?? nodePortRangeDefault,
  });
  const serviceCache = hub.cache({ group: '', resource: 'services' });
  if (serviceCache !== undefined) services.follow(serviceCache);
  const hooks = new Map<string, ResourceHooks>([
    ['/namespaces', namespaceHooks],
    ['/services', services],
    ['apiextensions.k8s.io/customresourcedefinitions', definitionHooks(clock)],
  ]);
  const registry = new Registry({ store, hub, admission, clock, hooks });
  const objects = new StoredObjects(registry);
  const custom = new Map<string, CustomHandler>();
  let ready = true;

  const serve: Api['serve'] = ({ group, resource, subresource }, handler) => {
    const id = `${group}/${resource}/${subresource}`;
    if (custom.has(id)) throw new Error(`${id} is served already`);
    custom.set(id, handler);
  };

  const handle: Handler = async (context) => {
    const { info } = context;
    checkPathSegments(info);
    const row = rows.find(info.apiGroup, info.apiVersion, info.resource);
    if (row === undefined) throw pathNotFound();
    if (row.deprecationWarning !== undefined) context.warnings.push(row.deprecationWarning);
    const handler = custom.get(`${row.group}/${row.resource}/${info.subresource}`);
    if (handler !== undefined) {
      await handler(context, row);
      return;
    }
    if (info.subresource !== '') await handleSubresource(context, row, registry);
    else {
      const verb = row.verbs.find((candidate) => candidate === info.verb);
      if (verb === undefined || row.virtual === true) throw methodNotSupported(row, info.verb);
      await verbs[verb](context, row, registry);
    }
  };

  serve({ group: '', resource: 'pods', subresource: 'binding' }, (context, row) => bindPod(context, row, registry));
  serve({ group: '', resource: 'bindings', subresource: '' }, (context, row) =>
    bindPod(context, rows.storedRow('', 'pods') ?? row, registry),
  );
  serve({ group: '', resource: 'pods', subresource: 'eviction' }, (context, row) =>
    evictPod(context, row, registry, objects),
  );

  return {
    handle,
    rows,
    objects,
    serve,
    get ready() {
      return ready;
    },
    async close() {
      ready = false;
      await hub.close();
    },
  };
}

async function handleSubresource(context: RequestContext, row: ResourceDefinition, registry: Registry): Promise<void> {
  const { info } = context;
  const found = row.subresources.find((candidate) => candidate.name === info.subresource);
  if (found === undefined) throw pathNotFound();
  const verb = found.verbs.find((candidate) => candidate === info.verb);
  if (verb === undefined) throw methodNotSupported(row, info.verb);
  if (found.serve === 'scale') await serveScale(context, row, registry, found);
  // A custom subresource with rules of its own (resize, finalize, approval) is a write of a part, as a status is.
  else if (found.strategy !== undefined) await servePart(context, row, registry, found);
  else throw pathNotFound();
}

async function servePart(
  context: RequestContext,
  row: ResourceDefinition,
  registry: Registry,
  subresource: SubresourceDefinition,
): Promise<void> {
  if (context.info.verb === 'get') await get(context, row, registry);
  else if (context.info.verb === 'update') await update(context, row, registry, subresource);
  else await patch(context, row, registry, subresource);
}

function pathNotFound(): Error {
  return apiError(404, 'NotFound', 'the server could not find the requested resource');
}
