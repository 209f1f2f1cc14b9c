import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { UnknownObject } from '../machinery/meta.ts';

/**
 * One request on its way through the filters to a verb, whatever brought it: TLS with HTTP/1.1 or HTTP/2, or the
 * in-process transport that controllers use.
 */
export interface RequestContext {
  readonly id: string;
  readonly method: string;
  /** Path without the query, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Remote address; `''` in process. */
  readonly remoteAddress: string;
  /** Subject of the verified client certificate, when one was shown. */
  readonly clientCertificate?: { readonly commonName: string; readonly organizations: readonly string[] };
  /** Who is asked when a request turns out to be more than its verb said (a PUT that creates). Set by the filter. */
  authorizer?: Authorizer | undefined;
  /** The body as it comes; `readBody` in `server/body.ts` bounds and collects it. */
  readonly body: Readable;
  /** Aborts when the client goes away, the deadline passes or the server stops. */
  readonly signal: AbortSignal;
  readonly response: ResponseWriter;
  /** Present on an HTTP/1.1 upgrade (exec, attach, port-forward): the raw connection and what came with the head. */
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer };

  /** Set by the request-info filter. */
  info: RequestInfo;
  /** Set by authentication; impersonation may replace it. */
  user: UserInfo;
  /** `Warning` headers to send; deduplicated by the writer. */
  readonly warnings: string[];
  /** What audit and the access log add to the line of this request. */
  readonly annotations: Map<string, string>;
}

/** What a path asks for, as k8s.io/apiserver/pkg/endpoints/request.RequestInfo. */
export interface RequestInfo {
  /** Under `/api` or `/apis` and naming a resource. */
  readonly isResourceRequest: boolean;
  /** `get list watch create update patch delete deletecollection`, or the lower-case method for other paths. */
  readonly verb: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** What follows the subresource: the path of a `proxy` request. */
  readonly rest: readonly string[];
}

export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The answer. Headers may be set until the first byte; after that an error can only end the stream. */
export interface ResponseWriter {
  readonly headersSent: boolean;
  readonly statusCode: number;
  /** Called once, when the answer begins. */
  onHead?: (() => void) | undefined;
  setHeader(name: string, value: string): void;
  /** Sends the whole answer. */
  send(statusCode: number, contentType: string, body: Uint8Array | string): void;
  /** Opens a streaming answer (watch, logs). */
  stream(statusCode: number, contentType: string): ResponseStream;
  /** Breaks off an answer that has begun and cannot be finished, so that the client does not take it for whole. */
  cut(reason: Error): void;
}

export interface ResponseStream {
  /** False: the peer is behind; wait for `drained()` before more. */
  write(chunk: Uint8Array): boolean;
  drained(): Promise<void>;
  /** Writes all of these as fast as the peer takes them; where present, for less than `write` would cost. */
  writePieces?(pieces: readonly Uint8Array[]): Promise<void>;
  end(): void;
}

export type Handler = (context: RequestContext) => Promise<void>;

/** One stage of the request path: calls `next`, or throws an ApiError to end the request. */
export type Filter = (context: RequestContext, next: () => Promise<void>) => Promise<void>;

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** What admission plugins see. `object` is the request's own copy and may be changed by `admit`. */
export interface AdmissionAttributes {
  readonly operation: AdmissionOperation;
  readonly user: UserInfo;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  /** Absent on DELETE. */
  readonly object?: UnknownObject;
  /** Present on UPDATE and DELETE. */
  readonly oldObject?: UnknownObject;
  readonly options: Readonly<Record<string, unknown>>;
  readonly warnings: string[];
  /** What audit adds to the line of this request; absent for the server's own writes. */
  readonly annotations?: Map<string, string>;
}

export interface AdmissionPlugin {
  readonly name: string;
  handles(attributes: AdmissionAttributes): boolean;
  /**
   * Mutating phase. Throws an ApiError to refuse. `again` asks that every plugin sees the object once more, since it was
   * changed in a way that plugins before this one could not foresee.
   */
  admit?(attributes: AdmissionAttributes): Promise<undefined | 'again'> | Promise<void>;
  /** The second round that some plugin asked for; absent: `admit`. */
  admitAgain?(attributes: AdmissionAttributes): Promise<void>;
  /** Validating phase, after every plugin's `admit`. */
  validate?(attributes: AdmissionAttributes): Promise<void>;
}

export interface AuthorizationAttributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  /** Of a list or watch, as it was asked for; absent for none. */
  readonly labelSelector?: string;
  /** The same. */
  readonly fieldSelector?: string;
}

export interface Authorizer {
  readonly name: string;
  /** `noOpinion` asks the next authorizer; when none allows, the request is forbidden with the collected reasons. */
  authorize(attributes: AuthorizationAttributes): Promise<{ decision: 'allow' | 'deny' | 'noOpinion'; reason: string }>;
}

export interface Authenticator {
  readonly name: string;
  /** Undefined: this authenticator has nothing to say. Throws 401 for a credential that is bad. */
  authenticate(context: RequestContext): Promise<UserInfo | undefined>;
}
