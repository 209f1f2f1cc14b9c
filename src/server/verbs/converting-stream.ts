import type { ResourceDefinition } from '../../api/resource.ts';
import { objectKey, type UnknownObject } from '../../machinery/meta.ts';
import { internalError, isApiError } from '../../machinery/status-error.ts';
import type { ResponseStream } from '../request.ts';
import type { Selection } from '../watch-cache/selection.ts';
import type { ObjectForm } from '../watch-cache/watch-frame.ts';

interface Frame {
  readonly type: string;
  readonly object: UnknownObject;
}

export interface ConvertingOptions {
  readonly row: ResourceDefinition;
  readonly form: ObjectForm;
  readonly selection: Selection;
  /** The watch began with all there was: what it did not send, the client does not have. */
  readonly knowsAll: boolean;
}

/**
 * A watch's answer whose objects come as they are stored and go out in the row's version, where that takes a call to a
 * conversion webhook. Keeps the order; takes one chunk at a time, so that a slow webhook slows its own watch only.
 */
export class ConvertingStream implements ResponseStream {
  readonly #inner: ResponseStream;
  readonly #options: ConvertingOptions;
  /** Keys of the objects that the client has, where fields select; others are not kept. */
  readonly #shown = new Set<string>();
  #last: Promise<void> = Promise.resolve();
  #failed = false;

  constructor(inner: ResponseStream, options: ConvertingOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  write(chunk: Uint8Array): boolean {
    this.#last = this.#last.then(() => this.#convert(chunk));
    // The writer waits for each chunk and reads on from the cache: nothing piles up here.
    return false;
  }

  async drained(): Promise<void> {
    await this.#last;
    if (!this.#failed) await this.#inner.drained();
  }

  end(): void {
    void this.#last.then(() => this.#inner.end());
  }

  async #convert(chunk: Uint8Array): Promise<void> {
    if (this.#failed) return;
    try {
      const lines = Buffer.from(chunk).toString().split('\n').slice(0, -1);
      const frames = lines.map((line) => JSON.parse(line) as Frame);
      const objects = frames.filter(hasStoredObject).map(({ object }) => object);
      const { row, form } = this.#options;
      await row.storedAs?.prepare?.(objects, 'fromStored');
      const out = frames.map((frame, index) => {
        if (!hasStoredObject(frame)) return `${lines[index] ?? ''}\n`;
        const type = this.#typeFor(frame);
        return type === undefined ? '' : `{"type":"${type}","object":${form.encode?.(frame.object) ?? ''}}\n`;
      });
      const text = out.join('');
      if (text !== '' && !this.#inner.write(Buffer.from(text))) await this.#inner.drained();
    } catch (error) {
      this.#failed = true;
      const { status } = isApiError(error) ? error : internalError(error instanceof Error ? error.message : '');
      this.#inner.write(Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`));
      this.#inner.end();
    }
  }

  /** What the event is to a client that selects by fields of the converted object; undefined: nothing. */
  #typeFor({ type, object }: Frame): string | undefined {
    const { row, selection, knowsAll } = this.#options;
    if (selection.later.length === 0) return type;
    const key = objectKey(object);
    const isShown = this.#shown.has(key) || (!knowsAll && type !== 'ADDED');
    const matches = type !== 'DELETED' && selection.matchesConverted(row.storedAs?.fromStored(object) ?? object);
    if (matches) {
      this.#shown.add(key);
      return isShown ? 'MODIFIED' : 'ADDED';
    }
    this.#shown.delete(key);
    return isShown ? 'DELETED' : undefined;
  }
}

/** Bookmarks and errors are written in their last form. */
function hasStoredObject({ type }: Frame): boolean {
  return type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED';
}
