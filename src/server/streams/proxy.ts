import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { apiError, isApiError, serviceUnavailable } from '../../machinery/status-error.ts';
import type { HostGateway } from '../../tunnel/contract.ts';
import { copy } from '../../tunnel/writing.ts';
import type { ObjectAccess } from '../contract.ts';
import type { RequestContext } from '../request.ts';
import { hopByHop, passedHeaders, passUpgrade } from './passing-on.ts';
import { hostPath } from './pod-target.ts';
import { isHtml, rewriteLinks } from './proxy-links.ts';
import { type ProxyTarget, podTarget, serviceTarget } from './proxy-target.ts';

interface Door {
  readonly objects: ObjectAccess;
  readonly gateway: HostGateway;
}

/** `pods/proxy`: HTTP to a port of the pod. */
export function servePodProxy(context: RequestContext, door: Door): Promise<void> {
  return proxy(context, podTarget(context, door.objects), door);
}

/** `services/proxy`: HTTP to a port of one of the service's pods. */
export function serveServiceProxy(context: RequestContext, door: Door): Promise<void> {
  return proxy(context, serviceTarget(context, door.objects), door);
}

/** `nodes/proxy`: what the host itself answers. */
export async function serveNodeProxy(context: RequestContext, { gateway }: Door): Promise<void> {
  const { rest } = splitProxyPath(context.path);
  if (context.method !== 'GET' || rest !== '/stats/summary') {
    throw apiError(404, 'NotFound', 'the server could not find the requested resource');
  }
  const { stream } = await gateway.open(context.info.name, { method: 'GET', path: rest, signal: context.signal });
  const response = context.response.stream(200, 'application/json');
  for await (const chunk of stream as AsyncIterable<Buffer>) if (!response.write(chunk)) await response.drained();
  response.end();
}

async function proxy(context: RequestContext, target: ProxyTarget, { gateway }: Door): Promise<void> {
  const { prefix, rest } = splitProxyPath(context.path);
  const query = context.query.toString();
  if (rest === '' && (context.method === 'GET' || context.method === 'HEAD')) {
    context.response.setHeader('location', `${prefix}/${query === '' ? '' : `?${query}`}`);
    context.response.send(301, 'text/plain', '');
    return;
  }
  const cancelled = new AbortController();
  const signal = AbortSignal.any([context.signal, cancelled.signal]);
  try {
    const connection = await connect(target, gateway, signal);
    const path = `${rest === '' ? '/' : rest}${query === '' ? '' : `?${query}`}`;
    if (context.upgrade === undefined) await exchange(context, { target, connection, path, prefix });
    else await passUpgrade(context, connection, { path, headers: headersOf(context, target) });
  } catch (error) {
    if (context.signal.aborted) return;
    throw isApiError(error) ? error : serviceUnavailable(`error trying to reach service: ${messageOf(error)}`);
  } finally {
    cancelled.abort();
  }
}

async function connect(target: ProxyTarget, gateway: HostGateway, signal: AbortSignal): Promise<Duplex> {
  const path = hostPath(['portforward', target.namespace, target.pod, String(target.port)]);
  let stream: Duplex;
  try {
    ({ stream } = await gateway.open(target.host, { method: 'POST', path, signal }));
  } catch (error) {
    throw serviceUnavailable(`error trying to reach service: ${messageOf(error)}`);
  }
  if (target.scheme === 'http') return stream;
  // As upstream: the pod's certificate is its own affair.
  return tlsConnect({ socket: stream, rejectUnauthorized: false });
}

interface Exchange {
  readonly target: ProxyTarget;
  readonly connection: Duplex;
  readonly path: string;
  /** The path that stands for the pod's `/`. */
  readonly prefix: string;
}

async function exchange(context: RequestContext, { target, connection, path, prefix }: Exchange): Promise<void> {
  const { method, response } = context;
  const outgoing = httpRequest({
    method,
    path,
    headers: headersOf(context, target),
    createConnection: () => connection,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  if (method === 'GET' || method === 'HEAD') outgoing.end();
  else copy(context.body, outgoing).catch((error: Error) => outgoing.destroy(error));
  const incoming = await answered;
  const status = incoming.statusCode ?? 502;
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (hopByHop.has(name) || name === 'content-type' || value === undefined) continue;
    const text = Array.isArray(value) ? value.join(', ') : value;
    response.setHeader(name, name === 'location' && text.startsWith('/') ? prefix + text : text);
  }
  const contentType = incoming.headers['content-type'] ?? '';
  if (isHtml(incoming.headers)) {
    const body = await rewriteLinks(incoming, prefix);
    response.setHeader('content-length', String(body.byteLength));
    response.send(status, contentType, body);
    return;
  }
  const stream = response.stream(status, contentType);
  for await (const chunk of incoming as AsyncIterable<Buffer>) if (!stream.write(chunk)) await stream.drained();
  stream.end();
}

function headersOf({ headers, path }: RequestContext, target: ProxyTarget): OutgoingHttpHeaders {
  const passed = passedHeaders(headers);
  // What is rewritten must come plain.
  passed['accept-encoding'] = 'identity';
  passed['host'] = `${target.pod}:${target.port}`;
  passed['x-forwarded-uri'] = path;
  passed['x-forwarded-host'] = String(headers[':authority'] ?? headers.host ?? '');
  passed['x-forwarded-proto'] = 'https';
  return passed;
}

/** `/api/v1/namespaces/a/pods/b/proxy/x/y` -> the part up to `proxy`, and `/x/y` (`''` when there is nothing). */
export function splitProxyPath(path: string): { prefix: string; rest: string } {
  const parts = path.split('/');
  const at = parts[3] === 'namespaces' ? 7 : 5;
  return {
    prefix: parts.slice(0, at + 1).join('/'),
    rest: parts.length <= at + 1 ? '' : `/${parts.slice(at + 1).join('/')}`,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
