import { isApiError, serviceUnavailable } from '../../machinery/status-error.ts';
import type { RequestContext } from '../request.ts';
import { hopByHop, passedHeaders, passUpgrade } from '../streams/passing-on.ts';
import { type Backend, userHeaders } from './backend.ts';

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
    headers: passedHeaders(context.headers),
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
  const { name, namespace } = backend.service;
  const headers = { ...passedHeaders(context.headers), host: `${name}.${namespace}.svc`, ...userHeaders(context.user) };
  await passUpgrade(context, connection, { path: pathOf(context), headers });
}

function pathOf({ path, query }: RequestContext): string {
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
