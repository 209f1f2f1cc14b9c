import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, type AgentOptions, request } from 'node:https';
import { type Duplex, PassThrough } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { APIService } from '../../api/apiregistration/v1/types.generated.ts';
import type { KeyPair } from '../pki/certificates.ts';
import type { UserInfo } from '../request.ts';
import type { ConnectToService, ServicePort } from '../service-connection.ts';

/** Connections to one extension server: kept when idle, and at most this many. */
const idleConnectionsMax = 8;
const connectionsMax = 256;
const connectMs = 10_000;

export interface BackendRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly user: UserInfo;
  readonly signal: AbortSignal;
  /** Writes the body and ends it; absent: none. */
  readonly send?: (outgoing: NodeJS.WritableStream) => void;
}

/** The extension server that an APIService names, reached through its Service. */
export class Backend {
  readonly service: ServicePort;
  readonly #agent: ServiceAgent;
  readonly #host: string;

  constructor(spec: APIService['spec'], connectToService: ConnectToService, credentials: () => Promise<KeyPair>) {
    const { namespace = '', name = '', port = 443 } = spec.service ?? {};
    this.service = { namespace, name, port };
    this.#host = `${name}.${namespace}.svc`;
    this.#agent = new ServiceAgent({
      serverName: this.#host,
      authorities: spec.caBundle === undefined ? undefined : Buffer.from(spec.caBundle, 'base64').toString(),
      trustsAnyone: spec.insecureSkipTLSVerify === true,
      connect: (signal) => connectToService(this.service, signal),
      credentials,
    });
  }

  /** Resolves with the head of the answer, whatever its status. */
  request({ method, path, headers, user, signal, send }: BackendRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        method,
        path,
        host: this.#host,
        agent: this.#agent,
        signal,
        headers: { ...headers, host: this.#host, ...userHeaders(user) },
      });
      outgoing.once('response', resolve);
      outgoing.on('error', reject);
      if (send === undefined) outgoing.end();
      else send(outgoing);
    });
  }

  /** A connection of its own, for what goes on in another protocol. */
  open(signal: AbortSignal): Promise<Duplex> {
    return this.#agent.open(signal);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What an extension server reads the user from, once it has seen our certificate. */
export function userHeaders({ name, uid, groups, extra = {} }: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'x-remote-user': name, 'x-remote-group': [...groups] };
  if (uid !== undefined && uid !== '') headers['x-remote-uid'] = uid;
  for (const [key, values] of Object.entries(extra)) {
    headers[`x-remote-extra-${encodeURIComponent(key.toLowerCase())}`] = [...values];
  }
  return headers;
}

interface AgentTarget {
  readonly serverName: string;
  /** PEM; absent: the roots that this host trusts. */
  readonly authorities: string | undefined;
  readonly trustsAnyone: boolean;
  readonly connect: (signal: AbortSignal) => Promise<Duplex>;
  readonly credentials: () => Promise<KeyPair>;
}

type OnSocket = (error: Error | null, socket: Duplex) => void;

/** Opens its connections through the cluster instead of by name. */
class ServiceAgent extends Agent {
  readonly #target: AgentTarget;

  constructor(target: AgentTarget) {
    const options: AgentOptions = { keepAlive: true, maxFreeSockets: idleConnectionsMax, maxSockets: connectionsMax };
    super(options);
    this.#target = target;
  }

  override createConnection(_options: Parameters<Agent['createConnection']>[0], onSocket?: OnSocket): undefined {
    this.open(AbortSignal.timeout(connectMs)).then(
      (socket) => onSocket?.(null, socket),
      // The agent looks at the error first; the type wants a stream all the same.
      (error: unknown) => onSocket?.(error instanceof Error ? error : new Error(String(error)), new PassThrough()),
    );
    return undefined;
  }

  async open(signal: AbortSignal): Promise<Duplex> {
    const { serverName, authorities, trustsAnyone, connect, credentials } = this.#target;
    const [socket, { certificate, key }] = await Promise.all([connect(signal), credentials()]);
    const secure = connectTls({
      socket,
      servername: serverName,
      cert: certificate,
      key,
      rejectUnauthorized: !trustsAnyone,
      ...(authorities === undefined ? {} : { ca: authorities }),
    });
    socket.on('error', (error) => secure.destroy(error));
    return secure;
  }
}
