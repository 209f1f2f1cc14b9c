import type { KubeObject, ResourceType } from '../machinery/meta.ts';
import type { Client, RawRequest, RawResponse, ResourceClient, Transport } from './contract.ts';
import { sleep } from './delay.ts';
import { createRequestLimit } from './request-limit.ts';
import { createResourceClient } from './resource-client.ts';
import { errorOfResponse } from './response-error.ts';

const attemptsMax = 5;
const connectionRetryMs = 100;
const retryAfterMsMax = 30_000;

export interface ClientOptions {
  /** Also the default field manager: the server takes what stands before the first slash. */
  readonly userAgent: string;
  /** Requests a second on average, with `burst` at once. Default: no limit, the server has flow control. */
  readonly qps?: number;
  readonly burst?: number;
}

/**
 * The API over a transport. Answers that are not 2xx become ApiErrors. A refusal with Retry-After (429, 503) is tried
 * again as the server asks; a broken connection is tried again for reads only, since a write may have happened.
 */
export function createClient(transport: Transport, options: ClientOptions): Client {
  const wait =
    options.qps === undefined ? undefined : createRequestLimit(options.qps, options.burst ?? options.qps * 2);
  const resources = new Map<string, ResourceClient<KubeObject>>();
  const client: Client = {
    resource<T extends KubeObject>(type: ResourceType<T>): ResourceClient<T> {
      const key = `${type.group}/${type.version}/${type.resource}`;
      let found = resources.get(key);
      if (found === undefined) {
        found = createResourceClient<KubeObject>(client, type);
        resources.set(key, found);
      }
      return found as unknown as ResourceClient<T>;
    },
    async request(request) {
      await wait?.(request.signal);
      return send(transport, { ...request, headers: { 'user-agent': options.userAgent, ...request.headers } });
    },
    upgrade(path, protocol, headers, signal) {
      return transport.upgrade(path, protocol, { 'user-agent': options.userAgent, ...headers }, signal);
    },
    close: () => transport.close(),
  };
  return client;
}

async function send(transport: Transport, request: RawRequest): Promise<RawResponse> {
  for (let attempt = 1; ; attempt++) {
    const last = attempt >= attemptsMax;
    let response: RawResponse;
    try {
      response = await transport.request(request);
    } catch (error) {
      if (last || request.signal?.aborted === true || !mayRepeat(request, error)) throw error;
      await sleep(connectionRetryMs * 2 ** (attempt - 1), request.signal);
      continue;
    }
    if (response.status >= 200 && response.status < 300) return response;
    const error = await errorOfResponse(response, `${request.method} ${request.path}`);
    const retryMs = retryAfterMs(response);
    if (last || retryMs === undefined) throw error;
    await sleep(retryMs, request.signal);
  }
}

/** A read that broke, or anything that never reached the server. */
function mayRepeat(request: RawRequest, error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ECONNREFUSED') return true;
  if (request.method !== 'GET') return false;
  return code === 'ECONNRESET' || code === 'EPIPE' || (typeof code === 'string' && code.startsWith('ERR_HTTP2_'));
}

function retryAfterMs({ status, headers }: RawResponse): number | undefined {
  if (status !== 429 && status !== 503) return undefined;
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.min(seconds * 1000, retryAfterMsMax) : undefined;
}
