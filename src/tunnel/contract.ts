import type { Duplex } from 'node:stream';

/**
 * The server's way to a host. The host dialled in (`/apis/tunnel/...`, one TLS connection, HTTP/2 with the host as the
 * h2 server); `open` starts one request on that connection.
 */
export interface HostGateway {
  /** Hosts connected now. */
  hosts(): readonly string[];
  isConnected(host: string): boolean;
  /** Rejects with ApiError 503 naming the host when it is not connected, and with what the host answered if not 2xx. */
  open(host: string, request: HostRequest): Promise<HostResponse>;
}

export interface HostRequest {
  readonly method: 'GET' | 'POST';
  /** `/logs/<namespace>/<pod>/<container>?follow=true` */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface HostResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Both directions of the request; half-closing ends the request's body. */
  readonly stream: Duplex;
}
