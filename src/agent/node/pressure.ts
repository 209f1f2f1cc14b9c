import { availableMemoryBytes, freeDiskShare, usedPidShare } from './machine-facts.ts';

/** Upstream's hard eviction thresholds. */
const freeShareMin = { bytes: 0.1, inodes: 0.05 };
export const memoryAvailableBytesMin = 100 * 1024 * 1024;
const pidShareMax = 0.95;

/** What this machine runs short of. */
export interface NodePressure {
  readonly memory: boolean;
  readonly memoryAvailableBytes: number;
  readonly disk: boolean;
  readonly pids: boolean;
}

/** `directory` is on the file system that pods write to. */
export async function readNodePressure(directory: string): Promise<NodePressure> {
  const [free, memoryAvailableBytes, pids] = await Promise.all([
    freeDiskShare(directory),
    availableMemoryBytes(),
    usedPidShare(),
  ]);
  return {
    memory: memoryAvailableBytes < memoryAvailableBytesMin,
    memoryAvailableBytes,
    disk: free.bytes < freeShareMin.bytes || free.inodes < freeShareMin.inodes,
    pids: pids > pidShareMax,
  };
}
