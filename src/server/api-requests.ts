import { silentLogger } from '../machinery/logger.ts';
import type { UnknownObject } from '../machinery/meta.ts';
import type { Status } from '../machinery/meta-types.generated.ts';
import type { AdmissionChain, Api } from './contract.ts';
import { respondWithError } from './filters/errors.ts';
import { parseRequestInfo } from './filters/request-info.ts';
import { createLocalTransport, type LocalTransport } from './http/local-transport.ts';
import type { Authorizer } from './request.ts';

export const noAdmission: AdmissionChain = {
  handles: () => false,
  admit: () => Promise.resolve(),
  validate: () => Promise.resolve(),
};

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly object: UnknownObject;
}

/** Requests to an api in this process, without the filters that know users. */
export class Requests {
  readonly #transport: LocalTransport;

  /** `authorizer` is asked about what a request turns out to be besides its verb. Absent: all is allowed. */
  constructor(api: Api, authorizer?: Authorizer) {
    this.#transport = createLocalTransport(
      async (context) => {
        context.info = parseRequestInfo(context.method, context.path, () => context.query);
        context.authorizer = authorizer;
        try {
          await api.handle(context);
        } catch (error) {
          respondWithError(context, error, silentLogger);
        }
      },
      { name: 'tester', groups: [] },
    );
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await this.#transport.request({
      method,
      path,
      headers,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const object = text.startsWith('{') && !text.includes('}\n{') ? (JSON.parse(text) as UnknownObject) : emptyObject;
    return { status: response.status, headers: response.headers, text, object };
  }

  /** Reads watch events until `count` are there. */
  async watch(path: string, count: number, whileOpen?: () => Promise<unknown>): Promise<WatchEvent[]> {
    const controller = new AbortController();
    const response = await this.#transport.request({ method: 'GET', path, signal: controller.signal });
    const events: WatchEvent[] = [];
    const doing = whileOpen?.();
    let text = '';
    for await (const chunk of response.body) {
      text += Buffer.from(chunk).toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) events.push(JSON.parse(line) as WatchEvent);
      if (events.length >= count) break;
    }
    await doing;
    return events;
  }
}

export interface WatchEvent {
  readonly type: string;
  readonly object: UnknownObject;
}

const emptyObject: UnknownObject = { apiVersion: '', kind: '', metadata: { name: '' } };

/** A merge patch. */
export function patch(requests: Requests, path: string, body: unknown): Promise<Answer> {
  return requests.send('PATCH', path, body, { 'content-type': 'application/merge-patch+json' });
}

export function statusOf({ object }: Answer): Status {
  return object as unknown as Status;
}
