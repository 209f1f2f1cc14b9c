import type { UnknownObject } from '../../machinery/meta.ts';
import type { CacheEntry, CacheEvent } from './cache-entry.ts';
import { decodeObject, replaceRevision } from './object-bytes.ts';
import type { Selection } from './selection.ts';

/** How objects are written to a client: in the row's version, as Table, as PartialObjectMetadata. */
export interface ObjectForm {
  /** Equal for two clients that can share what is written. */
  readonly id: string;
  /** Undefined: the cached bytes as they are. */
  readonly encode: ((object: UnknownObject) => string) | undefined;
}

type WatchType = 'ADDED' | 'MODIFIED' | 'DELETED';

const frameEnd = Buffer.from('}\n');
const frameStarts: Record<WatchType, Buffer> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};

/**
 * What an event is to a watcher of a selection: an object that begins or ceases to match comes as ADDED or DELETED.
 * Undefined: nothing.
 */
export function watchTypeOf({ before, after }: CacheEvent, selection: Selection): WatchType | undefined {
  const was = before !== undefined && selection.matches(before);
  const is = after !== undefined && selection.matches(after);
  if (is) return was ? 'MODIFIED' : 'ADDED';
  return was ? 'DELETED' : undefined;
}

/** The frame of an event, made once for all watchers of the same form. */
export function eventFrame(event: CacheEvent, type: WatchType, form: ObjectForm): Buffer {
  const id = `${type} ${form.id}`;
  let frame = event.frames?.get(id);
  if (frame === undefined) {
    frame = Buffer.concat([frameStarts[type], objectOf(event, type, form), frameEnd]);
    event.frames ??= new Map();
    event.frames.set(id, frame);
  }
  return frame;
}

export function addedFrame(entry: CacheEntry, form: ObjectForm): Buffer {
  return Buffer.concat([frameStarts.ADDED, encodeEntry(entry, form), frameEnd]);
}

export function encodeEntry(entry: CacheEntry, form: ObjectForm): Buffer {
  return form.encode === undefined ? entry.bytes : Buffer.from(form.encode(entry.object));
}

/** `endOfInitialEvents`: the mark that a watch with `sendInitialEvents` waits for. */
export function bookmarkFrame(
  { apiVersion, kind }: { apiVersion: string; kind: string },
  revision: number,
  endOfInitialEvents: boolean,
): Buffer {
  const metadata = {
    resourceVersion: String(revision),
    ...(endOfInitialEvents ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  };
  return Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object: { kind, apiVersion, metadata } })}\n`);
}

export function errorFrame(status: object): Buffer {
  return Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
}

/** A deleted object is shown in its last state, with the revision of its deletion. */
function objectOf({ before, after, revision }: CacheEvent, type: WatchType, form: ObjectForm): Buffer {
  if (type !== 'DELETED') return after === undefined ? Buffer.alloc(0) : encodeEntry(after, form);
  if (before === undefined) return Buffer.alloc(0);
  const bytes = replaceRevision(before.bytes, revision);
  return form.encode === undefined ? bytes : Buffer.from(form.encode(decodeObject(bytes)));
}
