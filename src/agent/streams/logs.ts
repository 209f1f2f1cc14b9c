import { badRequest } from '../../machinery/status-error.ts';
import { written } from '../../tunnel/writing.ts';
import type { LogOptions } from '../runtime/contract.ts';
import type { PodRequest } from './pod-request.ts';

/** Lines are gathered to this size before they are sent, when more of them are waiting anyway. */
const batchBytes = 32 * 1024;

/**
 * A container's log as text. Query: `follow`, `previous`, `timestamps`, `tailLines`, `limitBytes`, `stream` (`stdout` or
 * `stderr`, else both), and `since` in ms since the epoch.
 */
export async function serveLogs(request: PodRequest): Promise<void> {
  const { stream, runtime, query, signal } = request;
  const containerId = containerOf(request);
  // An engine that does not answer is an error of the request, not an empty log.
  await runtime.containerStatus(containerId);
  const ended = new AbortController();
  const lines = runtime.logs(containerId, optionsOf(query), AbortSignal.any([signal, ended.signal]));
  const timestamps = query.get('timestamps') === 'true';
  let remaining = numberOf(query, 'limitBytes') ?? Number.POSITIVE_INFINITY;
  stream.respond({ ':status': 200, 'content-type': 'text/plain' });
  try {
    for await (const batch of batched(lines, timestamps, query.get('follow') === 'true')) {
      const piece = batch.byteLength > remaining ? batch.subarray(0, remaining) : batch;
      remaining -= piece.byteLength;
      await written(stream, piece);
      if (remaining <= 0) break;
    }
  } finally {
    ended.abort();
  }
  stream.end();
}

async function* batched(
  lines: AsyncIterable<{ readonly time: string; readonly content: Buffer }>,
  timestamps: boolean,
  follow: boolean,
): AsyncIterable<Buffer> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const { time, content } of lines) {
    if (timestamps) {
      const stamp = Buffer.from(`${time} `);
      waiting.push(stamp);
      bytes += stamp.byteLength;
    }
    waiting.push(content);
    bytes += content.byteLength;
    // Whoever follows wants each line when it is written.
    if (!follow && bytes < batchBytes) continue;
    yield Buffer.concat(waiting, bytes);
    waiting = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(waiting, bytes);
}

function containerOf({ pod, podName, target, query }: PodRequest): string {
  const container = pod.containers.get(target);
  if (container === undefined) throw badRequest(`container ${target} is not valid for pod ${podName}`);
  if (query.get('previous') === 'true') {
    if (container.previousContainerId !== undefined) return container.previousContainerId;
    throw badRequest(`previous terminated container "${target}" in pod "${podName}" not found`);
  }
  if (container.containerId !== undefined) return container.containerId;
  // While a crashed container waits to be started again its last run is what there is to read.
  if (container.previousContainerId !== undefined) return container.previousContainerId;
  const reason = container.waitingReason ?? 'ContainerCreating';
  const why =
    reason === 'ErrImagePull' || reason === 'ImagePullBackOff'
      ? `trying and failing to pull image`
      : `waiting to start: ${reason}`;
  throw badRequest(`container "${target}" in pod "${podName}" is ${why}`);
}

function optionsOf(query: URLSearchParams): LogOptions {
  const tailLines = numberOf(query, 'tailLines');
  const since = numberOf(query, 'since');
  const stream = query.get('stream');
  return {
    follow: query.get('follow') === 'true',
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(since === undefined ? {} : { since }),
    ...(stream === 'stdout' || stream === 'stderr' ? { stream } : {}),
  };
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  return text === null || text === '' ? undefined : Number(text);
}
