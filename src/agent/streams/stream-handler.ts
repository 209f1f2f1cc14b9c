import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Logger } from '../../machinery/logger.ts';
import { apiError, internalError, isApiError, notFound } from '../../machinery/status-error.ts';
import type { TunnelHandler } from '../../tunnel/host-end.ts';
import type { PodLookup } from '../pods/lookup.ts';
import { type ContainerRuntime, RuntimeError } from '../runtime/contract.ts';
import { serveAttach, serveExec } from './command.ts';
import { serveLogs } from './logs.ts';
import type { PodRequest } from './pod-request.ts';
import { servePortForward } from './port-forward.ts';
import { serveStatsSummary } from './stats-summary.ts';

export interface StreamHandlerOptions {
  /** Absent, with `lookup`: this host runs no pods. */
  readonly runtime?: ContainerRuntime;
  readonly lookup?: PodLookup;
  readonly logger: Logger;
  /** For `/stats/summary`. */
  readonly nodeName?: string;
  /** For `/host-tasks/<uid>/log`. */
  readonly hostTasks?: HostTaskLogs;
}

export interface HostTaskLogs {
  serveLog(stream: ServerHttp2Stream, uid: string, query: URLSearchParams, signal: AbortSignal): Promise<void>;
}

type Serve = (request: PodRequest) => Promise<void>;

const podEndpoints: ReadonlyMap<string, Serve> = new Map([
  ['exec', serveExec],
  ['attach', serveAttach],
  ['portforward', servePortForward],
  ['logs', serveLogs],
]);

/**
 * What a host answers through the tunnel, one HTTP/2 stream each: `/exec|attach|logs/<namespace>/<pod>/<container>`,
 * `/portforward/<namespace>/<pod>/<port>`, `/host-tasks/<uid>/log`, `/stats/summary`. Failures before the first byte are
 * a Status.
 */
export function createStreamHandler(options: StreamHandlerOptions): TunnelHandler {
  return (stream, headers) => {
    serve(stream, headers, options).catch((error: unknown) => {
      options.logger.debug({ err: error, path: headers[':path'] }, 'Stream request failed');
      answerError(stream, error);
    });
  };
}

async function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: StreamHandlerOptions) {
  const url = new URL(String(headers[':path'] ?? '/'), 'http://host');
  const [endpoint = '', namespace = '', podName = '', target = ''] = url.pathname
    .slice(1)
    .split('/')
    .map((part) => decodeURIComponent(part));
  const { runtime, lookup } = options;
  if (endpoint === 'host-tasks' && podName === 'log' && options.hostTasks !== undefined) {
    return options.hostTasks.serveLog(stream, namespace, url.searchParams, goneSignal(stream));
  }
  if (runtime === undefined || lookup === undefined) throw apiError(404, 'NotFound', 'this host runs no pods');
  if (endpoint === 'stats') return serveStatsSummary(stream, runtime, options.nodeName ?? '');
  const servePod = podEndpoints.get(endpoint);
  if (servePod === undefined) throw apiError(404, 'NotFound', 'the server could not find the requested resource');
  const pod = lookup.find(namespace, podName);
  if (pod === undefined) throw notFound({ group: '', resource: 'pods' }, podName);
  await servePod({
    stream,
    runtime,
    pod,
    podName,
    target,
    query: url.searchParams,
    signal: goneSignal(stream),
  });
}

function goneSignal(stream: ServerHttp2Stream): AbortSignal {
  const gone = new AbortController();
  stream.once('close', () => gone.abort(new Error('The stream is closed')));
  return gone.signal;
}

function answerError(stream: ServerHttp2Stream, error: unknown): void {
  if (stream.destroyed || stream.closed) return;
  if (stream.headersSent) {
    stream.destroy();
    return;
  }
  const known = isApiError(error) ? error : internalError(messageOf(error));
  stream.respond({ ':status': known.code, 'content-type': 'application/json' });
  stream.end(JSON.stringify(known.status));
}

function messageOf(error: unknown): string {
  if (error instanceof RuntimeError && error.code === 'unavailable') return 'the container runtime is not available';
  return error instanceof Error ? error.message : String(error);
}
