/** Where the server is and who we are to it; what a kubeconfig context boils down to. */
export interface TransportOptions {
  /** `https://host:port`; `http://` for a local proxy. A path prefix is kept. */
  readonly server: string;
  /** PEM. Absent: the system's authorities. */
  readonly ca?: string;
  /** PEM client certificate and key. */
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** Read again every minute, since mounted tokens rotate. Wins over `token`. */
  readonly tokenFile?: string;
  /** Name to verify the certificate against, when it is not the host in `server`. */
  readonly serverName?: string;
  /** Only as a kubeconfig asks for it with `insecure-skip-tls-verify`. */
  readonly insecureSkipTlsVerify?: boolean;
}
