import { Agent, type AgentOptions, request } from 'node:https';
import { type Duplex, PassThrough } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ConnectToService } from './service-connection.ts';

/** Where a webhook listens: as every `clientConfig` says it. */
export interface WebhookAddress {
  readonly url?: string | undefined;
  readonly service?:
    | {
        readonly namespace: string;
        readonly name: string;
        readonly path?: string | undefined;
        readonly port?: number | undefined;
      }
    | undefined;
  /** PEM in base64; absent: the roots that this host trusts. */
  readonly caBundle?: string | undefined;
}

/** Posts JSON to one webhook over connections that are kept. */
export interface WebhookClient {
  /** The parsed answer. Rejects with an Error that says what failed in upstream's words, `Post "<url>": ...`. */
  post(body: unknown, timeoutSeconds: number): Promise<unknown>;
  close(): void;
}

const answerBytesMax = 8 * 1024 * 1024;
const idleConnectionMs = 30_000;
const idleConnectionsMax = 4;
/** Calls to one webhook under way at a time; the others wait within their timeout. */
const connectionsMax = 64;

export function createWebhookClient(address: WebhookAddress, connectToService: ConnectToService): WebhookClient {
  const { service, caBundle } = address;
  const ca = caBundle === undefined || caBundle === '' ? undefined : Buffer.from(caBundle, 'base64').toString();
  const options: AgentOptions = {
    keepAlive: true,
    keepAliveMsecs: idleConnectionMs,
    maxFreeSockets: idleConnectionsMax,
    maxSockets: connectionsMax,
    ...(ca === undefined ? {} : { ca }),
  };
  const agent =
    service === undefined
      ? new Agent(options)
      : new ServiceAgent(options, (signal) => {
          const { namespace, name, port = 443 } = service;
          return connectToService({ namespace, name, port }, signal);
        });
  return {
    // The address is read when it is used: one that is no URL fails the call, not whoever keeps the client.
    post: async (body, timeoutSeconds) => post(agent, urlOf(address), JSON.stringify(body), timeoutSeconds),
    close: () => agent.destroy(),
  };
}

function urlOf({ url, service }: WebhookAddress): URL {
  if (service === undefined) return new URL(url ?? '');
  const { namespace, name, path = '', port = 443 } = service;
  const target = new URL(`https://${name}.${namespace}.svc`);
  target.port = String(port);
  const [pathname = '', search = ''] = path.split('?');
  target.pathname = pathname;
  target.search = search;
  return target;
}

async function post(agent: Agent, base: URL, body: string, timeoutSeconds: number): Promise<unknown> {
  const url = new URL(base);
  url.searchParams.set('timeout', `${timeoutSeconds}s`);
  try {
    const { statusCode, text } = await send(agent, url, body, timeoutSeconds);
    if (statusCode < 200 || statusCode > 299) throw new WebhookAnswerError(refusalText(statusCode, text));
    return parseAnswer(text);
  } catch (error) {
    if (error instanceof WebhookAnswerError) throw error;
    throw new Error(`Post ${JSON.stringify(shownUrl(url, base))}: ${causeText(error)}`, { cause: error });
  }
}

/** The port of a Service stands in the text even where it is the usual one, as upstream's client writes it. */
function shownUrl(url: URL, base: URL): string {
  const isService = base.hostname.endsWith('.svc') && url.port === '';
  return isService ? url.href.replace(url.hostname, `${url.hostname}:443`) : url.href;
}

/** What the webhook answered is not what it was asked for. */
class WebhookAnswerError extends Error {}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new WebhookAnswerError(
      `couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** As client-go words an answer that is no Status. */
function refusalText(statusCode: number, text: string): string {
  switch (statusCode) {
    case 401:
      return 'the server has asked for the client to provide credentials';
    case 403:
      return 'the server does not allow this method on the requested resource';
    case 404:
      return 'the server could not find the requested resource';
    case 429:
      return 'the server has received too many requests and has asked us to try again later';
    default:
      if (statusCode < 500) return 'the server rejected our request for an unknown reason';
      return `an error on the server (${JSON.stringify(text.slice(0, 512).trim() || 'unknown')}) has prevented the request from succeeding`;
  }
}

function causeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'context deadline exceeded';
  const { code } = error as NodeJS.ErrnoException;
  const isUntrusted = code?.includes('CERT') === true || code?.startsWith('UNABLE_TO') === true;
  return isUntrusted ? `tls: failed to verify certificate: x509: ${error.message}` : error.message;
}

function send(
  agent: Agent,
  url: URL,
  body: string,
  timeoutSeconds: number,
): Promise<{ statusCode: number; text: string }> {
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: 'POST',
        agent,
        signal,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.byteLength;
          if (bytes > answerBytesMax) answer.destroy(new Error(`the answer is larger than ${answerBytesMax} bytes`));
          else chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ statusCode: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    outgoing.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    outgoing.end(body);
  });
}

type OnSocket = (error: Error | null, socket: Duplex) => void;

/** Opens its connections through the cluster instead of by name. */
class ServiceAgent extends Agent {
  readonly #connect: (signal: AbortSignal) => Promise<Duplex>;

  constructor(options: AgentOptions, connect: (signal: AbortSignal) => Promise<Duplex>) {
    super(options);
    this.#connect = connect;
  }

  override createConnection(options: Parameters<Agent['createConnection']>[0], onSocket?: OnSocket): undefined {
    const { host, ca } = options as { host?: string; ca?: string };
    this.#connect(AbortSignal.timeout(idleConnectionMs)).then(
      (socket) => {
        const secure = connectTls({ socket, servername: host ?? '', ...(ca === undefined ? {} : { ca }) });
        socket.on('error', (error) => secure.destroy(error));
        onSocket?.(null, secure);
      },
      // The agent looks at the error first; the type wants a stream all the same.
      (error: unknown) => onSocket?.(error instanceof Error ? error : new Error(String(error)), new PassThrough()),
    );
    return undefined;
  }
}
