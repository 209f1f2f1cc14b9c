import type { ResourceDefinition } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { internalError, isApiError } from '../../machinery/status-error.ts';
import type { ResponseStream } from '../request.ts';
import type { ObjectForm } from '../watch-cache/watch-frame.ts';

interface Frame {
  readonly type: string;
  readonly object: UnknownObject;
}

/**
 * A watch's answer whose objects come as they are stored and go out in the row's version, where that takes a call to a
 * conversion webhook. Keeps the order; takes one chunk at a time, so that a slow webhook slows its own watch only.
 */
export class ConvertingStream implements ResponseStream {
  readonly #inner: ResponseStream;
  readonly #row: ResourceDefinition;
  readonly #form: ObjectForm;
  #last: Promise<void> = Promise.resolve();
  #failed = false;

  constructor(inner: ResponseStream, row: ResourceDefinition, form: ObjectForm) {
    this.#inner = inner;
    this.#row = row;
    this.#form = form;
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
      await this.#row.storedAs?.prepare?.(objects, 'fromStored');
      const out = frames.map((frame, index) =>
        hasStoredObject(frame)
          ? `{"type":"${frame.type}","object":${this.#form.encode?.(frame.object) ?? ''}}\n`
          : `${lines[index] ?? ''}\n`,
      );
      if (!this.#inner.write(Buffer.from(out.join('')))) await this.#inner.drained();
    } catch (error) {
      this.#failed = true;
      const { status } = isApiError(error) ? error : internalError(error instanceof Error ? error.message : '');
      this.#inner.write(Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`));
      this.#inner.end();
    }
  }
}

/** Bookmarks and errors are written in their last form. */
function hasStoredObject({ type }: Frame): boolean {
  return type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED';
}
