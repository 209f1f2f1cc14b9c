import type { OutgoingHttpHeaders } from 'node:http';
import { isApiError, serviceUnavailable } from '../../machinery/status-error.ts';
import { copy } from '../../tunnel/writing.ts';
import type { RequestContext } from '../request.ts';
import { takeSocket } from '../streams/upgrade.ts';
import { type Backend, userHeaders } from './backend.ts';

const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Ours: the extension server is told who asks by other means. */
const ownHeaders: ReadonlySet<string> = new Set(['authorization', 'host', 'http2-settings']);

/** Hands a request to an extension server as it came, with the user that we have made sure of, and its answer back. */
export async function forward(context: RequestContext, backend: Backend): Promise<void> {
  try {
    if (context.upgrade === undefined) await exchange(context, backend);
    else await tunnelUpgrade(context, backend);
  } catch (error) {
    if (context.signal.aborted) return;
    if (isApiError(error) || context.response.headersSent) throw error;
    throw serviceUnavailable(
      `error trying to reach service: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function exchange(context: RequestContext, backend: Backend): Promise<void> {
  const { method, response, user, signal, body } = context;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const incoming = await backend.request({
    method,
    path: pathOf(context),
    headers: headersOf(context),
    user,
    signal,
    ...(hasBody ? { send: (outgoing) => body.pipe(outgoing) } : {}),
  });
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (hopByHop.has(name) || name === 'content-type' || value === undefined) continue;
    response.setHeader(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const stream = response.stream(incoming.statusCode ?? 502, incoming.headers['content-type'] ?? '');
  for await (const chunk of incoming as AsyncIterable<Buffer>) if (!stream.write(chunk)) await stream.drained();
  stream.end();
}

async function tunnelUpgrade(context: RequestContext, backend: Backend): Promise<void> {
  const connection = await backend.open(context.signal);
  const socket = takeSocket(context);
  const { name, namespace } = backend.service;
  const headers = {
    ...headersOf(context),
    host: `${name}.${namespace}.svc`,
    connection: 'Upgrade',
    upgrade: context.headers.upgrade ?? '',
    ...userHeaders(context.user),
  };
  const lines = [`${context.method} ${pathOf(context)} HTTP/1.1`];
  for (const [header, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) lines.push(`${header}: ${String(one)}`);
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

function pathOf({ path, query }: RequestContext): string {
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

function headersOf({ headers }: RequestContext): OutgoingHttpHeaders {
  const passed: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    const isForged = name.startsWith('x-remote-') || name.startsWith('impersonate-');
    if (value === undefined || name.startsWith(':') || isForged) continue;
    if (!hopByHop.has(name) && !ownHeaders.has(name)) passed[name] = value;
  }
  return passed;
}
