import type { RequestContext } from '../request.ts';
import { acceptWebSocket, sendMessage } from './upgrade.ts';

const protocols = ['binary.k8s.io', 'base64.binary.k8s.io'];

/** How long the client may take to close after the end. */
const closeTimeoutMs = 10_000;

export function asksForWebSocket(context: RequestContext): boolean {
  return context.upgrade !== undefined && String(context.headers.upgrade ?? '').toLowerCase() === 'websocket';
}

/**
 * Sends what is read as messages, after an empty one that tells the client that reading is under way, and closes at
 * the end. `gone` is called when the client leaves; it should end the reading.
 */
export async function sendAsMessages(
  context: RequestContext,
  from: AsyncIterable<Buffer>,
  gone: () => void,
): Promise<void> {
  const { webSocket, protocol } = await acceptWebSocket(context, protocols);
  const encode = (chunk: Buffer): Buffer | string =>
    protocol === 'base64.binary.k8s.io' ? chunk.toString('base64') : chunk;
  webSocket.once('close', gone);
  await sendMessage(webSocket, encode(Buffer.alloc(0)));
  for await (const chunk of from) await sendMessage(webSocket, encode(chunk));
  webSocket.close(1000);
  const timer = setTimeout(() => webSocket.terminate(), closeTimeoutMs);
  webSocket.once('close', () => clearTimeout(timer));
}
