import type { Duplex } from 'node:stream';
import { createWebSocketStream } from 'ws';
import { badRequest } from '../../machinery/status-error.ts';
import type { HostGateway } from '../../tunnel/contract.ts';
import { copy } from '../../tunnel/writing.ts';
import type { ObjectAccess } from '../contract.ts';
import type { RequestContext } from '../request.ts';
import { hostOf, hostPath, podOf } from './pod-target.ts';
import { SpdySession, type SpdyStream } from './spdy/session.ts';
import { acceptWebSocket, negotiate, switchProtocols, takeSocket, upgradeKindOf } from './upgrade.ts';
import { servePortChannels } from './websocket-ports.ts';

const spdyProtocol = 'portforward.k8s.io';
const tunnelledProtocol = 'SPDY/3.1+portforward.k8s.io';
const channelProtocols = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];

/** Opens one connection to a port of the pod. */
export type OpenPort = (port: number, signal: AbortSignal) => Promise<Duplex>;

/** `pods/portforward`: SPDY as it is, SPDY inside a WebSocket (kubectl since 1.31), or channels over a WebSocket. */
export async function servePortForward(
  context: RequestContext,
  { objects, gateway }: { readonly objects: ObjectAccess; readonly gateway: HostGateway },
): Promise<void> {
  const pod = await podOf(context, objects);
  const host = hostOf(pod);
  const kind = upgradeKindOf(context);
  const openPort: OpenPort = async (port, signal) => {
    const path = hostPath(['portforward', context.info.namespace, context.info.name, String(port)]);
    return (await gateway.open(host, { method: 'POST', path, signal })).stream;
  };
  const cancelled = new AbortController();
  const signal = AbortSignal.any([context.signal, cancelled.signal]);
  try {
    if (kind === 'spdy') {
      if (negotiate(context.headers['x-stream-protocol-version'] ?? spdyProtocol, [spdyProtocol]) === undefined) {
        throw badRequest('unable to upgrade: unable to negotiate protocol');
      }
      const socket = takeSocket(context);
      await switchProtocols(socket, 'SPDY/3.1', { 'X-Stream-Protocol-Version': spdyProtocol });
      await forwardSession(socket, openPort, signal);
      return;
    }
    const { webSocket, protocol } = await acceptWebSocket(context, [tunnelledProtocol, ...channelProtocols]);
    if (protocol === tunnelledProtocol) {
      await forwardSession(createWebSocketStream(webSocket, { readableObjectMode: false }), openPort, signal);
    } else {
      await servePortChannels({
        webSocket,
        base64: protocol.includes('base64'),
        ports: portsOf(context),
        openPort,
        signal,
      });
    }
  } finally {
    cancelled.abort();
  }
}

function portsOf({ query }: RequestContext): number[] {
  const ports = query
    .getAll('ports')
    .flatMap((text) => text.split(','))
    .map(Number);
  if (ports.length === 0) throw badRequest('query parameter "port" is required');
  for (const port of ports) {
    if (!(port >= 1 && port <= 65535)) throw badRequest(`invalid port number: ${port}`);
  }
  return ports;
}

/** Every connection is a pair of streams with one request id: one for data, one for what went wrong. */
async function forwardSession(socket: Duplex, openPort: OpenPort, signal: AbortSignal): Promise<void> {
  const waiting = new Map<string, SpdyStream>();
  const session = new SpdySession(socket, (stream) => {
    const type = stream.headers.get('streamtype');
    const id = stream.headers.get('requestid') ?? stream.headers.get('port') ?? '';
    const other = waiting.get(id);
    if (other === undefined) {
      waiting.set(id, stream);
      stream.once('close', () => waiting.delete(id));
      return;
    }
    waiting.delete(id);
    const [data, error] = type === 'error' ? [other, stream] : [stream, other];
    forwardConnection(data, error, openPort, signal).catch(() => data.destroy());
  });
  const abort = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    await session.run();
  } catch {
    // The client broke off; there is nobody to tell.
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

async function forwardConnection(
  data: SpdyStream,
  error: SpdyStream,
  openPort: OpenPort,
  signal: AbortSignal,
): Promise<void> {
  error.resume();
  const port = Number(data.headers.get('port'));
  const gone = new AbortController();
  data.once('close', () => gone.abort(new Error('The client has closed the connection')));
  let connection: Duplex;
  try {
    connection = await openPort(port, AbortSignal.any([signal, gone.signal]));
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    error.end(Buffer.from(`error forwarding port ${port} to pod: ${why}`));
    data.end();
    return;
  }
  connection.once('close', () => {
    if (!data.writableEnded) data.end();
  });
  try {
    await Promise.all([copy(connection, data), copy(data, connection)]);
  } finally {
    connection.destroy();
    error.end();
  }
}
