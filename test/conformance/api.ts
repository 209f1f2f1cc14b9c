/** The API as upstream's tests drive it: paths, media types and status codes, nothing in between. */
import assert from 'node:assert/strict';
import type { Transport, WatchEvent } from '../../src/client/index.ts';
import { readText } from '../../src/client/response-error.ts';
import { decodeWatch } from '../../src/client/watch.ts';
import type { UnknownObject } from '../../src/machinery/meta.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface SendOptions {
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Upstream's types of patch. */
export const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

export class Api {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Any request, whatever its answer; a body that is no string is sent as JSON. */
  async send(method: string, path: string, { body, type, accept, headers }: SendOptions = {}): Promise<Answer> {
    const response = await this.#transport.request({
      method,
      path,
      headers: {
        accept: accept ?? 'application/json',
        ...(body === undefined ? {} : { 'content-type': type ?? 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, text: await readText(response.body) };
  }

  /** A request that must succeed; its answer as JSON. */
  async ask(method: string, path: string, options?: SendOptions): Promise<UnknownObject> {
    const { status, text } = await this.send(method, path, options);
    assert.ok(status >= 200 && status < 300, `${method} ${path} answered ${status}: ${text.slice(0, 500)}`);
    return JSON.parse(text) as UnknownObject;
  }

  /** A request that must be refused with this code; the Status's message. */
  async refused(code: number, method: string, path: string, options?: SendOptions): Promise<string> {
    const { status, text } = await this.send(method, path, options);
    assert.equal(status, code, `${method} ${path}: ${text.slice(0, 500)}`);
    return String((JSON.parse(text) as { message?: unknown }).message);
  }

  get(path: string): Promise<UnknownObject> {
    return this.ask('GET', path);
  }

  create(path: string, body: unknown): Promise<UnknownObject> {
    return this.ask('POST', path, { body });
  }

  put(path: string, body: unknown): Promise<UnknownObject> {
    return this.ask('PUT', path, { body });
  }

  patch(path: string, body: unknown, type: keyof typeof patchTypes = 'merge'): Promise<UnknownObject> {
    return this.ask('PATCH', path, { body, type: patchTypes[type] });
  }

  delete(path: string, options?: unknown): Promise<UnknownObject> {
    return this.ask('DELETE', path, options === undefined ? {} : { body: options });
  }

  /** PUT of what was read and changed, again after each conflict. */
  async change(path: string, change: (object: UnknownObject) => void): Promise<UnknownObject> {
    for (;;) {
      const object = await this.get(path.replace(/\/(status|approval|finalize)$/, ''));
      change(object);
      const { status, text } = await this.send('PUT', path, { body: object });
      if (status === 409) continue;
      assert.equal(status, 200, `PUT ${path}: ${text.slice(0, 500)}`);
      return JSON.parse(text) as UnknownObject;
    }
  }

  async items(path: string): Promise<UnknownObject[]> {
    return (await this.get(path))['items'] as UnknownObject[];
  }

  /** Opens a watch of a collection; `query` without the question mark. */
  async watch(path: string, query: string): Promise<Watch> {
    const ending = new AbortController();
    const response = await this.#transport.request({
      method: 'GET',
      path: `${path}?watch=1&${query}`,
      headers: { accept: 'application/json' },
      signal: ending.signal,
    });
    if (response.status !== 200) assert.fail(`Watch ${path} answered ${response.status}`);
    return new Watch(decodeWatch<UnknownObject>(response.body)[Symbol.asyncIterator](), ending);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}

export interface Observed {
  readonly type: string;
  readonly object: UnknownObject;
}

const eventMsMax = 30_000;

export class Watch {
  readonly #events: AsyncIterator<WatchEvent<UnknownObject>>;
  readonly #ending: AbortController;

  constructor(events: AsyncIterator<WatchEvent<UnknownObject>>, ending: AbortController) {
    this.#events = events;
    this.#ending = ending;
  }

  async next(): Promise<Observed> {
    const timer = setTimeout(() => this.#ending.abort(new Error('No event came in time')), eventMsMax);
    try {
      const { value, done } = await this.#events.next();
      if (done === true) assert.fail('The watch ended');
      return { type: value.type, object: value.object as UnknownObject };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Events until one is of this type and, when given, passes the check. */
  async until(type: string, check: (object: UnknownObject) => boolean = () => true): Promise<UnknownObject> {
    for (;;) {
      const event = await this.next();
      if (event.type === type && check(event.object)) return event.object;
    }
  }

  /** The types and names of the next events. */
  async take(count: number): Promise<string[]> {
    const seen: string[] = [];
    while (seen.length < count) {
      const { type, object } = await this.next();
      seen.push(`${type} ${object.metadata.name}`);
    }
    return seen;
  }

  close(): void {
    this.#ending.abort();
  }
}

/** What stands at a dotted path, `undefined` where there is nothing. */
export function at(object: unknown, path: string): unknown {
  let value = object;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

export function namesOf(objects: readonly UnknownObject[]): string[] {
  return objects.map(({ metadata }) => metadata.name ?? '');
}
