import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { badRequest } from '../../machinery/status-error.ts';
import type { RequestContext } from '../request.ts';

/** The largest message of a client; kubectl sends at most 32 KiB and a byte. */
const messageBytesMax = 4 * 1024 * 1024;

const pingIntervalMs = 30_000;

export type UpgradeKind = 'websocket' | 'spdy';

/** Which protocol the client wants to go on with. Throws 400 when it is none that is known. */
export function upgradeKindOf(context: RequestContext): UpgradeKind {
  const wanted = String(context.headers.upgrade ?? '').toLowerCase();
  if (context.upgrade !== undefined) {
    if (wanted === 'websocket') return 'websocket';
    if (wanted === 'spdy/3.1') return 'spdy';
  }
  throw badRequest('Upgrade request required');
}

/** The connection itself, with what came together with the head put back. */
export function takeSocket(context: RequestContext): Duplex {
  if (context.upgrade === undefined) throw badRequest('Upgrade request required');
  const { socket, head } = context.upgrade;
  switched.add(context);
  if (head.byteLength > 0) socket.unshift(head);
  return socket;
}

const switched = new WeakSet<RequestContext>();

/** From then on an error can no longer be answered in HTTP. */
export function hasSwitched(context: RequestContext): boolean {
  return switched.has(context);
}

/**
 * Answers 101. Resolves when the answer has left: an HTTP/2 session takes over the socket's native handle, and Node
 * aborts the process when a write from before is still under way on it.
 */
export function switchProtocols(
  socket: Duplex,
  upgrade: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', `Upgrade: ${upgrade}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  return new Promise((resolve, reject) => {
    socket.write(`${lines.join('\r\n')}\r\n\r\n`, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

/** The first of the client's protocols (comma-separated or repeated header) that is served; undefined when none is. */
export function negotiate(offered: string | string[] | undefined, served: readonly string[]): string | undefined {
  const wanted = (Array.isArray(offered) ? offered.join(',') : (offered ?? '')).split(',').map((name) => name.trim());
  return wanted.find((name) => served.includes(name));
}

/** A WebSocket, and its protocol: `''` when the client named none. Throws 400 when it named none that is served. */
export async function acceptWebSocket(
  context: RequestContext,
  served: readonly string[],
): Promise<{ readonly webSocket: WebSocket; readonly protocol: string }> {
  const offered = context.headers['sec-websocket-protocol'];
  const protocol = offered === undefined ? '' : negotiate(offered, served);
  if (protocol === undefined || context.upgrade === undefined) {
    throw badRequest(`unable to upgrade: no supported protocol in ${JSON.stringify(offered ?? '')}`);
  }
  const { socket, head } = context.upgrade;
  switched.add(context);
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
    handleProtocols: () => (protocol === '' ? false : protocol),
  });
  // All that ws reads of a request.
  const request = { method: 'GET', url: context.path, headers: context.headers } as IncomingMessage;
  const webSocket = await new Promise<WebSocket>((resolve, reject) => {
    socket.once('close', () => reject(new Error('The connection closed during the WebSocket handshake')));
    server.handleUpgrade(request, socket, head, resolve);
  });
  webSocket.on('error', () => undefined); // `close` follows and ends everything.
  // While input waits for a slow reader nothing is read here, and only a write can find out that the client is gone.
  const pinging = setInterval(() => webSocket.ping(), pingIntervalMs);
  webSocket.once('close', () => clearInterval(pinging));
  return { webSocket, protocol };
}

/** What may wait to be sent on one WebSocket. */
const sendBufferBytes = 1024 * 1024;

/** Resolves when more may be sent; rejects when the connection is gone. */
export function sendMessage(webSocket: WebSocket, message: Buffer | string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (webSocket.readyState !== WebSocket.OPEN) {
      reject(new Error('The WebSocket is closed'));
      return;
    }
    const mayWait = webSocket.bufferedAmount + message.length < sendBufferBytes;
    webSocket.send(message, { binary: typeof message !== 'string' }, (error) => {
      if (error !== undefined && error !== null) reject(error);
      else if (!mayWait) resolve();
    });
    if (mayWait) resolve();
  });
}
