import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { copy } from '../../tunnel/writing.ts';
import type { RequestContext } from '../request.ts';
import { takeSocket } from './upgrade.ts';

/** Headers of one connection, which are not passed on to the next. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Ours: the next server is told who asks, if at all, by other means. */
const ownHeaders: ReadonlySet<string> = new Set(['authorization', 'host', 'http2-settings']);

/** The headers that a server behind this one gets to see. Whoever sends those that name a user has made them up. */
export function passedHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const passed: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    const isForged = name.startsWith('x-remote-') || name.startsWith('impersonate-');
    if (value === undefined || name.startsWith(':') || isForged) continue;
    if (!hopByHop.has(name) && !ownHeaders.has(name)) passed[name] = value;
  }
  return passed;
}

/** Passes an upgrade (a WebSocket of the backend's own) on as bytes, the backend's answer included. */
export async function passUpgrade(
  context: RequestContext,
  connection: Duplex,
  { path, headers }: { path: string; headers: OutgoingHttpHeaders },
): Promise<void> {
  const socket = takeSocket(context);
  const all = { ...headers, connection: 'Upgrade', upgrade: context.headers.upgrade ?? '' };
  const lines = [`${context.method} ${path} HTTP/1.1`];
  for (const [name, value] of Object.entries(all)) {
    for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${String(one)}`);
  }
  connection.write(`${lines.join('\r\n')}\r\n\r\n`);
  try {
    await Promise.all([copy(connection, socket), copy(socket, connection)]);
  } catch {
    // Either side broke off, which ends both.
  } finally {
    socket.destroy();
    connection.destroy();
  }
}
