import { internalError } from '../../machinery/status-error.ts';
import { copy } from '../../tunnel/writing.ts';
import type { PodRequest } from './pod-request.ts';

/** One connection to one port of the pod; the stream carries its bytes as they are, each half closed for itself. */
export async function servePortForward({ stream, runtime, pod, podName, target, signal }: PodRequest): Promise<void> {
  if (pod.sandboxId === undefined) throw internalError(`pod ${podName} has no running sandbox`);
  const connection = await runtime.portForward(pod.sandboxId, Number(target));
  const close = (): void => {
    connection.destroy();
  };
  connection.on('error', close);
  signal.addEventListener('abort', close, { once: true });
  stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
  try {
    await Promise.all([copy(connection, stream), copy(stream, connection)]);
  } finally {
    signal.removeEventListener('abort', close);
    connection.destroy();
  }
}
