import type { Labels } from '../../machinery/labels.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { decodeObject } from './object-bytes.ts';

/** One object as of one write; never changes. */
export class CacheEntry {
  /** `namespace/name`, or `name` for a cluster-scoped object. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** What GET answers. */
  readonly bytes: Buffer;
  readonly labels: Labels | undefined;
  /** Values of the row's selectable fields, in the row's order. */
  readonly fields: readonly string[];
  #decoded: WeakRef<UnknownObject> | undefined;

  constructor(key: string, revision: number, bytes: Buffer, labels: Labels | undefined, fields: readonly string[]) {
    this.key = key;
    const slash = key.indexOf('/');
    this.namespace = slash < 0 ? '' : key.slice(0, slash);
    this.name = slash < 0 ? key : key.slice(slash + 1);
    this.revision = revision;
    this.bytes = bytes;
    this.labels = labels;
    this.fields = fields;
  }

  /** Shared with every other reader: must not be changed. */
  get object(): UnknownObject {
    let object = this.#decoded?.deref();
    if (object === undefined) {
      object = decodeObject(this.bytes);
      this.#decoded = new WeakRef(object);
    }
    return object;
  }
}

/** One change of one object; at least one of `before` and `after` is there. */
export interface CacheEvent {
  readonly revision: number;
  readonly before: CacheEntry | undefined;
  /** Undefined: deleted. */
  readonly after: CacheEntry | undefined;
  /** Watch frames made so far, by type and form; emptied once the live watchers have theirs. */
  frames: Map<string, Buffer> | undefined;
}
