import type { Conversion } from '../../api/resource.ts';
import { clone, isJsonObject } from '../../machinery/json.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { apiError, internalError } from '../../machinery/status-error.ts';
import type { WebhookClient } from '../webhook-client.ts';
import { applySchemaDefaults } from './defaulting.ts';
import { pruneCustomResource } from './pruning.ts';
import type { SchemaNode } from './schema-node.ts';

/** A version of a custom resource, as conversion needs it. */
export interface VersionSchema {
  readonly version: string;
  /** `group/version` */
  readonly apiVersion: string;
  /** Compiled when first asked for: most definitions of a cluster have no objects. */
  readonly root: SchemaNode;
}

interface ConversionPlace {
  readonly group: string;
  readonly resource: string;
}

/** Strategy `None`: the object is what it was, under another apiVersion, less what the other schema does not know. */
export function renamingConversion(of: ConversionPlace, from: VersionSchema, stored: VersionSchema): Conversion {
  return {
    ...of,
    version: stored.version,
    toStored: (object) => renamed(object, stored),
    fromStored: (object) => renamed(object, from),
  };
}

/** Strategy `Webhook`: what is in another version is fetched before it is needed, and kept while the original lives. */
export function webhookConversion(
  of: ConversionPlace,
  from: VersionSchema,
  stored: VersionSchema,
  converter: WebhookConverter,
): Conversion {
  const toRow = new WeakMap<UnknownObject, UnknownObject>();
  const toStore = new WeakMap<UnknownObject, UnknownObject>();
  return {
    ...of,
    version: stored.version,
    toStored: (object) => converted(object, stored, toStore),
    fromStored: (object) => converted(object, from, toRow),
    async prepare(objects, direction) {
      const [target, known] = direction === 'toStored' ? [stored, toStore] : [from, toRow];
      const missing = objects.filter(
        (object) => object.apiVersion !== target.apiVersion && (direction === 'toStored' || !known.has(object)),
      );
      if (missing.length === 0) return;
      const results = await converter.convert(missing, target.apiVersion);
      missing.forEach((object, index) => {
        const result = results[index];
        if (result !== undefined) known.set(object, upToDate(result, target));
      });
    },
  };
}

function converted(
  object: UnknownObject,
  target: VersionSchema,
  known: WeakMap<UnknownObject, UnknownObject>,
): UnknownObject {
  if (object.apiVersion === target.apiVersion) return object;
  const found = known.get(object);
  if (found === undefined) {
    throw internalError(`conversion webhook was not asked for ${object.kind} "${object.metadata.name}"`);
  }
  return found;
}

/** A copy: what is stored is shared, and what was sent belongs to the request. */
function renamed(object: UnknownObject, target: VersionSchema): UnknownObject {
  if (object.apiVersion === target.apiVersion) return object;
  return upToDate({ ...clone(object), apiVersion: target.apiVersion }, target);
}

function upToDate(object: UnknownObject, { root }: VersionSchema): UnknownObject {
  pruneCustomResource(object, root);
  applySchemaDefaults(object, root);
  return object;
}

/** Asks one conversion webhook by ConversionReviews of the version it understands. */
export class WebhookConverter {
  readonly #client: WebhookClient;
  readonly #reviewVersion: string;
  #requests = 0;

  constructor(client: WebhookClient, reviewVersion: string) {
    this.#client = client;
    this.#reviewVersion = reviewVersion;
  }

  close(): void {
    this.#client.close();
  }

  /** In the order given. Throws an ApiError in upstream's words. */
  async convert(objects: readonly UnknownObject[], apiVersion: string): Promise<UnknownObject[]> {
    const uid = `conversion-${++this.#requests}`;
    const review = {
      kind: 'ConversionReview',
      apiVersion: `apiextensions.k8s.io/${this.#reviewVersion}`,
      request: { uid, desiredAPIVersion: apiVersion, objects },
      response: { uid: '', convertedObjects: null, result: { metadata: {} } },
    };
    let answer: unknown;
    try {
      answer = await this.#client.post(review, conversionTimeoutSeconds);
    } catch (error) {
      throw failed(objects, apiVersion, error instanceof Error ? error.message : String(error));
    }
    return this.#read(answer, uid, objects, apiVersion);
  }

  #read(answer: unknown, uid: string, objects: readonly UnknownObject[], apiVersion: string): UnknownObject[] {
    const response = isJsonObject(answer) ? answer['response'] : undefined;
    if (!isJsonObject(response)) throw failed(objects, apiVersion, 'the answer has no response');
    if (response['uid'] !== uid) {
      throw failed(
        objects,
        apiVersion,
        `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response['uid'])}`,
      );
    }
    const { result, convertedObjects } = response;
    if (isJsonObject(result) && result['status'] !== 'Success') {
      const message = typeof result['message'] === 'string' ? result['message'] : 'unknown reason';
      throw failed(objects, apiVersion, message);
    }
    if (!Array.isArray(convertedObjects) || convertedObjects.length !== objects.length) {
      const count = Array.isArray(convertedObjects) ? convertedObjects.length : 0;
      throw failed(objects, apiVersion, `expected ${objects.length} converted objects, got ${count}`);
    }
    return objects.map((object, index) => checkedResult(object, convertedObjects[index], objects, apiVersion));
  }
}

/** Upstream's limit of one call. */
const conversionTimeoutSeconds = 30;

/** A webhook may change labels and annotations, and nothing else of the metadata. */
function checkedResult(
  original: UnknownObject,
  result: unknown,
  objects: readonly UnknownObject[],
  apiVersion: string,
): UnknownObject {
  if (!isJsonObject(result) || !isJsonObject(result['metadata'])) {
    throw failed(objects, apiVersion, 'invalid metadata in a converted object');
  }
  if (result['apiVersion'] !== apiVersion || result['kind'] !== original.kind) {
    const { apiVersion: got, kind } = result;
    throw failed(
      objects,
      apiVersion,
      `invalid converted object: expected ${apiVersion}, Kind=${original.kind}, got ${String(got)}, Kind=${String(kind)}`,
    );
  }
  const object = result as UnknownObject;
  const { name, namespace, uid } = original.metadata;
  const now = object.metadata;
  if (now.name !== name || now.namespace !== namespace || now.uid !== uid) {
    throw failed(objects, apiVersion, `must not change metadata of ${JSON.stringify(name)}`);
  }
  const { labels, annotations } = now;
  object.metadata = clone(original.metadata);
  delete object.metadata.labels;
  delete object.metadata.annotations;
  if (labels !== undefined) object.metadata.labels = labels;
  if (annotations !== undefined) object.metadata.annotations = annotations;
  return object;
}

function failed(objects: readonly UnknownObject[], apiVersion: string, why: string): Error {
  const [first] = objects;
  const from = `${first?.apiVersion ?? ''}, Kind=${first?.kind ?? ''}`;
  return apiError(500, 'InternalError', `conversion webhook for ${from} failed: ${why}`, {
    causes: [{ message: `conversion to ${apiVersion} failed` }],
  });
}
