import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { nonResource } from '../filters/request-info.ts';
import type { Authorizer, RequestContext, RequestInfo, ResponseWriter, UserInfo } from '../request.ts';

/** Shared, as nothing behind changes a query. */
const noQuery = new URLSearchParams();

const nobody: UserInfo = { name: '', groups: [] };

/** What a connection says about its peer, worked out once a connection. */
export interface Peer {
  readonly remoteAddress: string;
  readonly clientCertificate?: { readonly commonName: string; readonly organizations: readonly string[] };
  /** The peer showed a certificate that does not verify. */
  readonly certificateError?: string;
}

export interface ContextParts {
  readonly method: string;
  /** Path and query as they stand in the request. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly peer: Peer;
  readonly body: Readable;
  readonly response: ResponseWriter;
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer };
  /** Set by the in-process transport: who calls, past every authenticator. */
  readonly localUser?: UserInfo;
}

/** The one implementation of RequestContext; what is rarely asked for (query, signal, id) is made when asked. */
export class ServerContext implements RequestContext {
  readonly method: string;
  readonly path: string;
  headers: IncomingHttpHeaders;
  readonly peer: Peer;
  body: Readable;
  readonly response: ResponseWriter;
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer };
  readonly localUser: UserInfo | undefined;
  info: RequestInfo = nonResource;
  user: UserInfo = nobody;
  authorizer: Authorizer | undefined;
  /** Who asked to be `user`. */
  impersonator: UserInfo | undefined;
  /** Somebody reads the annotations. */
  isAudited = false;
  readonly warnings: string[] = [];
  /** Milliseconds of the monotonic clock. */
  readonly startedAt = performance.now();
  readonly #queryText: string;
  #id: string | undefined;
  #query: URLSearchParams | undefined;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #annotations: Map<string, string> | undefined;

  constructor(parts: ContextParts) {
    this.method = parts.method;
    const mark = parts.target.indexOf('?');
    this.path = mark < 0 ? parts.target : parts.target.slice(0, mark);
    this.#queryText = mark < 0 ? '' : parts.target.slice(mark + 1);
    this.headers = parts.headers;
    this.peer = parts.peer;
    this.body = parts.body;
    this.response = parts.response;
    if (parts.upgrade !== undefined) this.upgrade = parts.upgrade;
    this.localUser = parts.localUser;
  }

  get id(): string {
    this.#id ??= randomUUID();
    return this.#id;
  }

  get query(): URLSearchParams {
    this.#query ??= this.#queryText === '' ? noQuery : new URLSearchParams(this.#queryText);
    return this.#query;
  }

  get hasQuery(): boolean {
    return this.#queryText !== '';
  }

  get remoteAddress(): string {
    return this.peer.remoteAddress;
  }

  get clientCertificate(): NonNullable<RequestContext['clientCertificate']> {
    // The interface's property is optional; a getter that may give undefined is the same to every reader.
    return this.peer.clientCertificate as NonNullable<RequestContext['clientCertificate']>;
  }

  get annotations(): Map<string, string> {
    this.#annotations ??= new Map();
    return this.#annotations;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#abortReason !== undefined;
  }

  /** The first reason stands. */
  abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** For a filter that has read the body and stands another form of it in its place. */
  replaceBody(body: Readable, contentType: string): void {
    this.body = body;
    const { 'content-length': _length, ...headers } = this.headers;
    this.headers = { ...headers, 'content-type': contentType };
  }
}
