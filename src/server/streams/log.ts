import type { Pod } from '../../api/core/v1/types.generated.ts';
import { badRequest, type FieldError, hasReason, invalid } from '../../machinery/status-error.ts';
import type { HostGateway } from '../../tunnel/contract.ts';
import type { ObjectAccess } from '../contract.ts';
import type { RequestContext, ResponseStream } from '../request.ts';
import { isTrue } from './command.ts';
import { containerOf, hostPath, podOf } from './pod-target.ts';
import { asksForWebSocket, sendAsMessages } from './websocket-reader.ts';

/** `pods/log`. */
export async function serveLog(
  context: RequestContext,
  {
    objects,
    gateway,
    now,
  }: { readonly objects: ObjectAccess; readonly gateway: HostGateway; readonly now: () => number },
): Promise<void> {
  const options = readOptions(context.query, now());
  const pod = await podOf(context, objects);
  const container = containerOf(pod, context.query.get('container') ?? '');
  const host = pod.spec?.nodeName ?? '';
  if (host === '') {
    // Not placed yet: upstream answers an empty log.
    context.response.send(200, 'text/plain', '');
    return;
  }
  const cancelled = new AbortController();
  try {
    const { stream } = await gateway.open(host, {
      method: 'GET',
      path: hostPath(['logs', context.info.namespace, context.info.name, container], options),
      signal: AbortSignal.any([context.signal, cancelled.signal]),
    });
    if (asksForWebSocket(context)) await sendAsMessages(context, stream, () => cancelled.abort());
    else await pump(stream, context.response.stream(200, 'text/plain'));
  } catch (error) {
    if (context.signal.aborted) return;
    throw hasReason(error, 'NotFound') && !context.response.headersSent ? notStarted(error, pod, container) : error;
  } finally {
    cancelled.abort();
  }
}

async function pump(from: AsyncIterable<Buffer>, to: ResponseStream): Promise<void> {
  for await (const chunk of from) if (!to.write(chunk)) await to.drained();
  to.end();
}

/** The host has not heard of the pod yet, or no longer knows it. */
function notStarted(error: unknown, pod: Pod, container: string): unknown {
  const waiting = (pod.status?.phase ?? 'Pending') === 'Pending';
  if (!waiting) return error;
  return badRequestFor(container, pod.metadata.name);
}

function badRequestFor(container: string, pod: string): Error {
  return badRequest(`container "${container}" in pod "${pod}" is waiting to start: ContainerCreating`);
}

function readOptions(query: URLSearchParams, now: number): Record<string, string | undefined> {
  const errors: FieldError[] = [];
  const tailLines = readNumber(query, 'tailLines', 0, errors);
  const limitBytes = readNumber(query, 'limitBytes', 1, errors);
  const sinceSeconds = readNumber(query, 'sinceSeconds', 1, errors);
  const sinceTime = query.get('sinceTime') ?? '';
  if (sinceSeconds !== undefined && sinceTime !== '') {
    errors.push({
      type: 'forbidden',
      field: '',
      detail: 'at most one of `sinceTime` or `sinceSeconds` may be specified',
    });
  }
  const sinceAt = sinceTime === '' ? undefined : Date.parse(sinceTime);
  if (Number.isNaN(sinceAt)) {
    errors.push({ type: 'invalid', field: 'sinceTime', value: sinceTime, detail: 'must be an RFC 3339 time' });
  }
  const stream = readStream(query, errors);
  if (stream !== undefined && tailLines !== undefined) {
    const detail = '`tailLines` and specific `stream` are mutually exclusive for now';
    errors.push({ type: 'forbidden', field: '', detail });
  }
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, query.get('name') ?? '', errors);
  const since = sinceSeconds === undefined ? sinceAt : now - sinceSeconds * 1000;
  return {
    follow: flag(query, 'follow'),
    previous: flag(query, 'previous'),
    timestamps: flag(query, 'timestamps'),
    tailLines: tailLines?.toString(),
    limitBytes: limitBytes?.toString(),
    since: since?.toString(),
    stream,
  };
}

const logStreams = ['All', 'Stderr', 'Stdout'];

/** `stdout` or `stderr`; undefined for both. */
function readStream(query: URLSearchParams, errors: FieldError[]): string | undefined {
  const asked = query.get('stream') ?? 'All';
  if (logStreams.includes(asked)) return asked === 'All' ? undefined : asked.toLowerCase();
  errors.push({ type: 'notSupported', field: 'stream', value: asked, detail: '', supported: logStreams });
  return undefined;
}

function flag(query: URLSearchParams, name: string): string | undefined {
  return isTrue(query.get(name)) ? 'true' : undefined;
}

function readNumber(query: URLSearchParams, name: string, least: number, errors: FieldError[]): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  if (value < least) {
    const detail = `must be greater than ${least === 0 ? 'or equal to 0' : '0'}`;
    errors.push({ type: 'invalid', field: name, value, detail });
  }
  return value;
}
