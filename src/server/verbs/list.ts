import type { ResourceDefinition } from '../../api/resource.ts';
import { formatGroupVersion, type UnknownObject } from '../../machinery/meta.ts';
import { ApiError, badRequest, gone } from '../../machinery/status-error.ts';
import type { Registry } from '../registry/registry.ts';
import { type Target, targetOf } from '../registry/target.ts';
import type { RequestContext, ResponseStream } from '../request.ts';
import { tableEnd, tableHead } from '../table/table.ts';
import type { CacheEntry } from '../watch-cache/cache-entry.ts';
import type { OrderedSnapshot } from '../watch-cache/ordered-entries.ts';
import type { Selection } from '../watch-cache/selection.ts';
import { type ContinueToken, decodeContinue, encodeContinue } from './continue-token.ts';
import { negotiate } from './media-type.ts';
import { formOf, type RowForm } from './object-form.ts';
import { prepareEntries } from './prepared-entries.ts';
import { flagOf, numberOf, selectionOf } from './request-options.ts';
import { awaitRevision, type RevisionWish, revisionWishOf } from './resource-version.ts';
import { jsonType, sendJson } from './respond.ts';

/** A longer answer goes out in pieces of this size, as fast as the client takes them. */
const chunkBytes = 256 * 1024;
const comma = Buffer.from(',');
const listEnd = Buffer.from(']}');

/** What goes into a list. */
interface Page {
  readonly entries: readonly CacheEntry[];
  readonly revision: number;
  readonly next?: string;
  readonly remaining?: number;
}

export async function list(context: RequestContext, row: ResourceDefinition, registry: Registry): Promise<void> {
  const accepted = negotiate(context.headers.accept);
  const form = formOf(row, accepted, context.query, registry.clock);
  const selection = selectionOf(context, row);
  let page = await readPage(context, registry, targetOf(registry.hub, row), selection);
  let objects: readonly UnknownObject[] | undefined;
  if (form.encodeItem !== undefined && row.storedAs?.prepare !== undefined) {
    const chosen = await prepareEntries(row.storedAs, selection, page.entries);
    page = { ...page, entries: chosen.map(({ entry }) => entry) };
    objects = chosen.map(({ object }) => object);
  }
  const head = Buffer.from(headOf(row, form, page));
  const items = page.entries.map((entry, index) =>
    form.encodeItem === undefined ? entry.bytes : Buffer.from(form.encodeItem(objects?.[index] ?? entry.object)),
  );
  const end = form.table === undefined ? listEnd : Buffer.from(tableEnd);
  const size = items.reduce((sum, item) => sum + item.length + 1, head.length + end.length);
  if (accepted.encoding === 'json' && size > chunkBytes && !flagOf(context.query, 'pretty')) {
    await streamList(context, head, items, end);
    return;
  }
  const pieces: Buffer[] = [head];
  for (const item of items) pieces.push(item, comma);
  if (items.length > 0) pieces.pop();
  pieces.push(end);
  await sendJson(context, accepted, 200, Buffer.concat(pieces));
}

async function streamList(context: RequestContext, head: Buffer, items: readonly Buffer[], end: Buffer): Promise<void> {
  const stream = context.response.stream(200, jsonType);
  const pieces: Buffer[] = [head];
  for (const item of items) pieces.push(item, comma);
  if (items.length > 0) pieces.pop();
  pieces.push(end);
  if (stream.writePieces === undefined) await writeJoined(context, stream, pieces);
  else await stream.writePieces(pieces);
  stream.end();
}

async function writeJoined(context: RequestContext, stream: ResponseStream, pieces: readonly Buffer[]): Promise<void> {
  let from = 0;
  let size = 0;
  for (let index = 0; index < pieces.length; index++) {
    size += pieces[index]?.length ?? 0;
    if (size < chunkBytes && index + 1 < pieces.length) continue;
    const open = stream.write(Buffer.concat(pieces.slice(from, index + 1), size));
    from = index + 1;
    size = 0;
    if (!open) await stream.drained();
    if (context.signal.aborted) return;
  }
}

function headOf(row: ResourceDefinition, form: RowForm, { revision, next, remaining }: Page): string {
  const metadata = {
    resourceVersion: String(revision),
    ...(next === undefined ? {} : { continue: next }),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
  if (form.table !== undefined) return tableHead(row, form.table, metadata);
  const partial = form.id.startsWith('Partial ');
  const kind = partial ? 'PartialObjectMetadataList' : row.listKind;
  const apiVersion = partial ? `meta.k8s.io/${form.id.slice('Partial '.length)}` : formatGroupVersion(row);
  return `${JSON.stringify({ kind, apiVersion, metadata }).slice(0, -1)},"items":[`;
}

async function readPage(
  { query }: RequestContext,
  registry: Registry,
  target: Target,
  selection: Selection,
): Promise<Page> {
  const limit = numberOf(query, 'limit') ?? 0;
  if (limit < 0) throw badRequest('limit must be a positive number');
  const text = query.get('continue') ?? '';
  const wish = revisionWishOf(query, text !== '');
  const token = text === '' ? undefined : decodeContinue(text);
  await awaitRevision(registry.hub, token === undefined ? wish.revision : Math.max(0, token.revision));
  if (token === undefined && limit === 0 && wish.match !== 'Exact') {
    return { entries: target.cache.entriesOf(selection), revision: registry.hub.revision };
  }
  return readChunk(target, registry, selection, { limit, token, wish });
}

function readChunk(
  { cache }: Target,
  registry: Registry,
  selection: Selection,
  { limit, token, wish }: { limit: number; token: ContinueToken | undefined; wish: RevisionWish },
): Page {
  const now = registry.clock();
  // As upstream: a chunked list that names a revision and not how to take it means that very revision.
  const isExact = wish.match === 'Exact' || (wish.match === '' && limit > 0 && wish.revision !== 0);
  const asked = token === undefined ? (isExact ? wish.revision : undefined) : token.revision;
  const exact = asked !== undefined && asked >= 0;
  const revision = exact ? asked : registry.hub.revision;
  const snapshot = exact ? cache.entriesAt(revision, now) : cache.snapshot();
  if (snapshot === undefined) throw token === undefined ? tooOld(revision, cache.ring.floor) : expired(token);
  const entries: CacheEntry[] = [];
  let more = false;
  for (const entry of snapshot.range(selection.keyPrefix, token === undefined ? undefined : `${token.after}\u0000`)) {
    if (!selection.matches(entry)) continue;
    if (limit > 0 && entries.length === limit) {
      more = true;
      break;
    }
    entries.push(entry);
  }
  const last = entries.at(-1);
  if (!more || last === undefined) return { entries, revision };
  cache.keep(revision, snapshot, { now, isStart: token === undefined });
  return {
    entries,
    revision,
    next: encodeContinue({ revision, after: last.key }),
    ...(selection.whole ? { remaining: countAfter(snapshot, selection.keyPrefix, last.key) } : {}),
  };
}

function countAfter(snapshot: OrderedSnapshot<CacheEntry>, prefix: string, key: string): number {
  let count = 0;
  for (const _ of snapshot.range(prefix, `${key}\u0000`)) count++;
  return count;
}

function tooOld(revision: number, floor: number): ApiError {
  return gone(`too old resource version: ${revision} (${floor})`);
}

/** Upstream's words, with a token that goes on from the same place in what is there now. */
function expired({ after }: ContinueToken): ApiError {
  const { status } = gone(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
      'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
      'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
      'deleted between the time the first chunk was returned and now may show up in the list.',
  );
  return new ApiError({ ...status, metadata: { continue: encodeContinue({ revision: -1, after }) } });
}
