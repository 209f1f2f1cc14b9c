import type { UnknownObject } from '../../machinery/meta.ts';

const metadataOpening = Buffer.from('"metadata":{');
const revisionOpening = Buffer.from('"resourceVersion":"');

/**
 * What the store keeps of an object: JSON with `apiVersion`, `kind` and `metadata` first and without a
 * resourceVersion, so that the revision of the write can be put in without reading the rest.
 */
export function storedBytes(object: UnknownObject): Buffer {
  const { apiVersion, kind, metadata, ...rest } = object;
  return Buffer.from(
    JSON.stringify({ apiVersion, kind, metadata: { ...metadata, resourceVersion: undefined }, ...rest }),
  );
}

/** The object as clients get it: the stored bytes with their revision as resourceVersion. */
export function withRevision(stored: Uint8Array, revision: number): Buffer {
  const bytes = asBuffer(stored);
  const at = metadataStart(bytes);
  // Metadata is never empty: every stored object has a name.
  const inserted = `"resourceVersion":"${revision}",`;
  const result = Buffer.allocUnsafe(bytes.length + inserted.length);
  bytes.copy(result, 0, 0, at);
  result.write(inserted, at, 'latin1');
  bytes.copy(result, at + inserted.length, at);
  return result;
}

/** Bytes made by `withRevision`, at another revision: the last state of a deleted object. */
export function replaceRevision(bytes: Buffer, revision: number): Buffer {
  const at = metadataStart(bytes);
  const end = bytes.indexOf(0x22, at + revisionOpening.length) + 2;
  return withRevision(Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]), revision);
}

export function decodeObject(bytes: Uint8Array): UnknownObject {
  return JSON.parse(asBuffer(bytes).toString()) as UnknownObject;
}

function metadataStart(bytes: Buffer): number {
  const at = bytes.indexOf(metadataOpening);
  if (at < 0) throw new Error('Stored object has no metadata');
  return at + metadataOpening.length;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
