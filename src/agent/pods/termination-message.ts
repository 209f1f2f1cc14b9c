import { open } from 'node:fs/promises';
import type { Container } from '../../api/core/v1/types.generated.ts';
import type { ContainerRuntime, ContainerStatus } from '../runtime/contract.ts';
import { annotationTerminationFile } from './container-starter.ts';

const messageBytesMax = 4096;
const logBytesMax = 2048;
const logLinesMax = 80;

/** What an ended container left at its terminationMessagePath, or the end of its log when it failed and left nothing. */
export async function readTerminationMessage(
  runtime: ContainerRuntime,
  container: Container | undefined,
  status: ContainerStatus,
): Promise<string> {
  const path = status.annotations[annotationTerminationFile];
  const left = path === undefined ? '' : await readStart(path);
  if (left !== '' || container?.terminationMessagePolicy !== 'FallbackToLogsOnError' || status.exitCode === 0) {
    return left;
  }
  return readLogEnd(runtime, status.id);
}

async function readStart(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(messageBytesMax), 0, messageBytesMax, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

async function readLogEnd(runtime: ContainerRuntime, containerId: string): Promise<string> {
  const lines: Buffer[] = [];
  const never = new AbortController().signal;
  for await (const line of runtime.logs(containerId, { follow: false, tailLines: logLinesMax }, never)) {
    lines.push(line.content);
  }
  const all = Buffer.concat(lines);
  return all.subarray(Math.max(0, all.length - logBytesMax)).toString();
}
