import type { ResourceDefinition } from '../../api/resource.ts';
import { formatGroupVersion } from '../../machinery/meta.ts';
import { type FieldError, gone, invalid } from '../../machinery/status-error.ts';
import type { Registry } from '../registry/registry.ts';
import { type Target, targetOf } from '../registry/target.ts';
import type { RequestContext, ResponseStream } from '../request.ts';
import { Watcher, type WatchStart } from '../watch-cache/watcher.ts';
import { ConvertingStream } from './converting-stream.ts';
import { type Accepted, negotiate, notAcceptable, protobufType } from './media-type.ts';
import { formOf, plainForm } from './object-form.ts';
import { ProtobufStream } from './protobuf-stream.ts';
import { flagOf, numberOf, selectionOf } from './request-options.ts';
import { awaitRevision, parseRevision } from './resource-version.ts';

/** A watch without timeoutSeconds ends after between once and twice this long, so that not all come back at once. */
const watchSecondsMin = 1800;

export async function watch(context: RequestContext, row: ResourceDefinition, registry: Registry): Promise<void> {
  const accepted = negotiate(context.headers.accept);
  const target = targetOf(registry.hub, row);
  const selection = selectionOf(context, row);
  const form = formOf(row, accepted, context.query, registry.clock);
  // Read before the answer begins: past its head an error could not be told.
  const seconds = numberOf(context.query, 'timeoutSeconds') ?? 0;
  const start = await startOf(context, target, registry);
  const kind = kindOf(row, accepted);
  const opened = await openStream(context, row, accepted);
  // What must be fetched to convert an object cannot be waited for while events are handed out.
  const later = row.storedAs?.prepare !== undefined && form.encode !== undefined;
  const stream = later
    ? new ConvertingStream(opened, { row, form, selection, knowsAll: start.initial !== undefined })
    : opened;
  const watcher = new Watcher({
    selection,
    cache: target.cache,
    hub: registry.hub,
    form: later ? plainForm : form,
    kind,
    stream,
    start,
  });
  const timeoutMs = (seconds > 0 ? seconds : watchSecondsMin * (1 + Math.random())) * 1000;
  registry.hub.addWatcher(watcher);
  const over = new AbortController();
  const end = () => over.abort();
  const timer = setTimeout(end, timeoutMs);
  context.signal.addEventListener('abort', end, { once: true });
  if (context.signal.aborted) end();
  try {
    await watcher.run(start, over.signal);
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener('abort', end);
    registry.hub.removeWatcher(watcher);
    stream.end();
  }
}

async function openStream(
  context: RequestContext,
  row: ResourceDefinition,
  accepted: Accepted,
): Promise<ResponseStream> {
  if (accepted.encoding !== 'protobuf') return context.response.stream(200, 'application/json');
  const { encodeWatchFrame } = await import('../../api/schema/protobuf-encoding.ts');
  if (accepted.as === 'object' && row.decode !== undefined) notAcceptable();
  return new ProtobufStream(context.response.stream(200, `${protobufType};stream=watch`), encodeWatchFrame);
}

async function startOf({ query }: RequestContext, { cache }: Target, { hub }: Registry): Promise<WatchStart> {
  const text = query.get('resourceVersion') ?? '';
  const initialEvents = initialEventsOf(query);
  const bookmarks = flagOf(query, 'allowWatchBookmarks');
  const revision = text === '' ? undefined : parseRevision(text);
  // From "now" or "any": the present state comes first, unless the client says that it does not want it.
  const fromPresent = revision === undefined || revision === 0;
  if (initialEvents === true || (fromPresent && initialEvents === undefined)) {
    await awaitRevision(hub, revision);
    return {
      revision: hub.revision,
      initial: cache.snapshot(),
      markInitialEnd: initialEvents === true && bookmarks,
      bookmarks,
    };
  }
  if (fromPresent) {
    await awaitRevision(hub, revision);
    return { revision: hub.revision, markInitialEnd: false, bookmarks };
  }
  if (revision < cache.ring.floor) throw gone(`too old resource version: ${revision} (${cache.ring.floor})`);
  return { revision, markInitialEnd: false, bookmarks };
}

/** `sendInitialEvents` with upstream's conditions. */
function initialEventsOf(query: URLSearchParams): boolean | undefined {
  const text = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  const errors: FieldError[] = [];
  if (text === null) {
    if (match !== '') {
      errors.push({
        type: 'forbidden',
        field: 'resourceVersionMatch',
        detail: 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      });
    }
  } else if (match === '') {
    errors.push({
      type: 'forbidden',
      field: 'resourceVersionMatch',
      detail: 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    });
  } else if (match !== 'NotOlderThan') {
    errors.push({
      type: 'notSupported',
      field: 'resourceVersionMatch',
      value: match,
      detail: '',
      supported: ['NotOlderThan'],
    });
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  return text === null ? undefined : text !== 'false' && text !== '0';
}

/** What bookmarks call themselves. */
function kindOf(row: ResourceDefinition, { as, metaVersion }: Accepted): { apiVersion: string; kind: string } {
  if (as === 'object') return { apiVersion: formatGroupVersion(row), kind: row.kind };
  return { apiVersion: `meta.k8s.io/${metaVersion}`, kind: as };
}
