import type { StoreEvent } from '../contract.ts';

/**
 * One row of the history table, under its revision: what was done to which key. The value stands in the row only once
 * the key has been written again; until then the current value in the object table is the one.
 *
 * Layout: flags (1 byte), length of the key (2 bytes, big endian), key, value.
 */
export interface HistoryRow {
  readonly type: 'put' | 'delete';
  readonly created: boolean;
  readonly key: string;
  /** Absent: read it from the object table. */
  readonly value?: Buffer;
}

const deleted = 1;
const created = 2;
const hasValue = 4;
const headerLength = 3;

export function encodeHistoryRow(row: HistoryRow): Buffer {
  const keyLength = row.key.length;
  const encoded = Buffer.allocUnsafe(headerLength + keyLength + (row.value?.length ?? 0));
  encoded[0] =
    (row.type === 'delete' ? deleted : 0) | (row.created ? created : 0) | (row.value === undefined ? 0 : hasValue);
  encoded.writeUInt16BE(keyLength, 1);
  encoded.write(row.key, headerLength, 'latin1');
  if (row.value !== undefined) encoded.set(row.value, headerLength + keyLength);
  return encoded;
}

export function decodeHistoryRow(encoded: Buffer): HistoryRow {
  const flags = encoded[0] ?? 0;
  const keyEnd = headerLength + encoded.readUInt16BE(1);
  return {
    type: (flags & deleted) === 0 ? 'put' : 'delete',
    created: (flags & created) !== 0,
    key: encoded.toString('latin1', headerLength, keyEnd),
    ...((flags & hasValue) === 0 ? {} : { value: encoded.subarray(keyEnd) }),
  };
}

export function historyEvent(row: HistoryRow, revision: number, current: Uint8Array | undefined): StoreEvent {
  if (row.type === 'delete') return { type: 'delete', key: row.key, revision };
  const value = row.value ?? current;
  if (value === undefined) throw new Error(`History row ${revision} of ${row.key} has no value`);
  return { type: 'put', key: row.key, value, revision, created: row.created };
}
