import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../machinery/logger.ts';
import type { UnknownObject } from '../machinery/meta.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import type { Api } from './contract.ts';
import type { UserInfo } from './request.ts';
import { type RunningServer, startServer } from './server.ts';
import type { ServerOptions } from './server-settings.ts';

export const admin: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

/** An object, or the Status that says why there is none. */
export type AnswerBody = UnknownObject & { readonly message: string; readonly reason: string };

export interface ServerAnswer<B> {
  readonly status: number;
  readonly body: B;
  /** The body as it came. Of several objects, a line each as a watch has them, `body` is the first. */
  readonly text: string;
  readonly warning: string;
}

export interface SendOptions {
  /** Default `admin`. */
  readonly user?: UserInfo;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A whole API server for tests, all its filters and plugins included, on a store in memory. */
export class TestServer {
  /** Of its own, removed at the end. */
  readonly directory: string;
  readonly #store = new MemoryStore();
  readonly #options: Partial<ServerOptions>;
  #running: RunningServer | undefined;

  private constructor(directory: string, options: Partial<ServerOptions>) {
    this.directory = directory;
    this.#options = options;
  }

  /** `options` are given the server's directory and say what is not as usual. */
  static async start(options: (directory: string) => Partial<ServerOptions> = () => ({})): Promise<TestServer> {
    const directory = await mkdtemp(join(tmpdir(), 'test-server-'));
    const server = new TestServer(directory, options(directory));
    await server.#start();
    return server;
  }

  get running(): RunningServer {
    if (this.#running === undefined) throw new Error('The server is not running');
    return this.#running;
  }

  get api(): Api {
    return this.running.api;
  }

  /** A patch is a merge patch unless `headers` say another. */
  async send<B = AnswerBody>(
    method: string,
    path: string,
    body?: object,
    { user = admin, headers = {} }: SendOptions = {},
  ): Promise<ServerAnswer<B>> {
    const answer = await this.running.localTransport(user).request({
      method,
      path,
      headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    let text = '';
    for await (const chunk of answer.body) text += Buffer.from(chunk).toString();
    const isJson = String(answer.headers['content-type']).startsWith('application/json');
    const [first = ''] = text.split('\n');
    return {
      status: answer.status,
      body: (isJson ? JSON.parse(first) : { message: text }) as B,
      text,
      warning: String(answer.headers['warning'] ?? ''),
    };
  }

  /** Ends the server and brings it up again on the same store and directory. */
  async restart(): Promise<void> {
    await this.running.close();
    await this.#start();
  }

  async close(): Promise<void> {
    await this.#running?.close();
    await this.#store.close();
    await rm(this.directory, { recursive: true });
  }

  async #start(): Promise<void> {
    this.#running = await startServer({
      dataDirectory: this.directory,
      store: this.#store,
      logger: silentLogger,
      address: '127.0.0.1',
      port: 0,
      advertiseAddress: '127.0.0.1',
      loadProse: async () => ({}),
      ...this.#options,
    });
  }
}
