import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isTreeSound } from './tree-check.ts';

/** Places in a meta page of LMDB's file format, in bytes from the start of the page. */
const magicAt = 0x18;
const pageSizeAt = 0x30;
const freeRootAt = 0x58;
const mainRootAt = 0x88;
const lastPageAt = 0x90;
const transactionAt = 0x98;
const metaBytes = 0xa0;
const magic = 0xbeefc0de;
const pageSizeMin = 512;
const pageSizeMax = 65536;

/**
 * Looks at the head of a database file before LMDB maps it, since LMDB itself crashes the process over a file that is
 * not what it says. Answers what is wrong, or undefined.
 */
export function problemOfFile(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    return error instanceof Error ? error.message : String(error);
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return 'it is not a file';
    const { size } = stats;
    return size === 0 ? undefined : problemOfMeta(file, size);
  } finally {
    closeSync(file);
  }
}

function problemOfMeta(file: number, size: number): string | undefined {
  const first = readMeta(file, 0);
  if (first === undefined) return 'it is not an LMDB database';
  const { pageSize } = first;
  const isPowerOfTwo = (pageSize & (pageSize - 1)) === 0;
  if (pageSize < pageSizeMin || pageSize > pageSizeMax || !isPowerOfTwo) return 'its head is damaged';
  const second = readMeta(file, pageSize);
  if (second === undefined) return 'its second head is damaged';
  const newest = first.transaction > second.transaction ? first : second;
  const needed = (newest.lastPage + 1) * pageSize;
  if (size < needed) return `it was cut short: ${size} of ${needed} bytes are there`;
  const tree = { file, pageSize, lastPage: newest.lastPage };
  const isSound = isTreeSound(tree, newest.mainRoot) && isTreeSound(tree, newest.freeRoot);
  return isSound ? undefined : 'its content is damaged';
}

interface Meta {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: bigint;
  readonly mainRoot: bigint;
  readonly freeRoot: bigint;
}

function readMeta(file: number, position: number): Meta | undefined {
  const page = Buffer.alloc(metaBytes);
  if (readSync(file, page, 0, metaBytes, position) < metaBytes || page.readUInt32LE(magicAt) !== magic)
    return undefined;
  return {
    pageSize: page.readUInt32LE(pageSizeAt),
    lastPage: Number(page.readBigUInt64LE(lastPageAt)),
    transaction: page.readBigUInt64LE(transactionAt),
    mainRoot: page.readBigUInt64LE(mainRootAt),
    freeRoot: page.readBigUInt64LE(freeRootAt),
  };
}
