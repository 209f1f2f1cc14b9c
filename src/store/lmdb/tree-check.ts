import { readSync } from 'node:fs';

/** Places in LMDB's pages, in bytes: the head of a page, a node in it, the record of a tree. */
const flagsAt = 18;
const lowerAt = 20;
/** Where the offsets of nodes begin; the page counts from here, not from its start. */
const baseAt = 24;
const nodeHeadBytes = 8;
const treeRootAt = 40;
const treeBytes = 48;
const pageFlags = { branch: 1, leaf: 2, overflow: 4 };
const nodeFlags = { overflow: 1, tree: 2 };
const noPage = 0xffffffffffffffffn;
/** LMDB's own bound for the height of a tree. */
const depthMax = 32;

export interface TreeFile {
  readonly file: number;
  readonly pageSize: number;
  /** The last page in use. */
  readonly lastPage: number;
}

/**
 * Whether every page that can be reached from `root` is what it should be. LMDB believes its file: over a damaged page it
 * ends the whole process, so this looks first. What values say is not looked at.
 */
export function isTreeSound(tree: TreeFile, root: bigint, depth = 0): boolean {
  if (root === noPage) return true;
  const page = readPage(tree, root, tree.pageSize);
  if (page === undefined || depth > depthMax) return false;
  const flags = page.readUInt16LE(flagsAt) & 0xf;
  const end = baseAt + page.readUInt16LE(lowerAt);
  if ((flags !== pageFlags.branch && flags !== pageFlags.leaf) || end > tree.pageSize) return false;
  for (let at = baseAt; at < end; at += 2) {
    const node = baseAt + page.readUInt16LE(at);
    if (node < end || node + nodeHeadBytes > tree.pageSize) return false;
    const isSound =
      flags === pageFlags.branch ? isTreeSound(tree, childOf(page, node), depth + 1) : isLeafSound(tree, page, node);
    if (!isSound) return false;
  }
  return true;
}

function childOf(page: Buffer, node: number): bigint {
  return BigInt(page.readUInt32LE(node)) | (BigInt(page.readUInt16LE(node + 4)) << 32n);
}

function isLeafSound(tree: TreeFile, page: Buffer, node: number): boolean {
  const size = page.readUInt32LE(node);
  const flags = page.readUInt16LE(node + 4);
  const data = node + nodeHeadBytes + page.readUInt16LE(node + 6);
  if ((flags & nodeFlags.overflow) !== 0) {
    if (data + 8 > tree.pageSize) return false;
    const head = readPage(tree, page.readBigUInt64LE(data), baseAt);
    return head !== undefined && (head.readUInt16LE(flagsAt) & 0xf) === pageFlags.overflow;
  }
  if (data + size > tree.pageSize) return false;
  return (
    (flags & nodeFlags.tree) === 0 || (size >= treeBytes && isTreeSound(tree, page.readBigUInt64LE(data + treeRootAt)))
  );
}

/** The beginning of a page that says that it is that page. */
function readPage({ file, pageSize, lastPage }: TreeFile, number: bigint, bytes: number): Buffer | undefined {
  if (number < 2n || number > BigInt(lastPage)) return undefined;
  const page = Buffer.allocUnsafe(bytes);
  if (readSync(file, page, 0, bytes, Number(number) * pageSize) < bytes) return undefined;
  return page.readBigUInt64LE(0) === number ? page : undefined;
}
