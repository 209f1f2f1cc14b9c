import { networkInterfaces } from 'node:os';
import type { Logger } from '../machinery/logger.ts';
import type { Store } from '../store/contract.ts';
import type { AuthenticationOptions } from './authentication/configured.ts';
import type { EncryptionOptions } from './encryption/protect-store.ts';
import type { AuditOptions } from './filters/audit.ts';
import type { createOpenApi } from './openapi/openapi.ts';
import type { Route } from './routes.ts';
import { firstServiceIp } from './service-network.ts';

export interface ServerOptions {
  /** `pki/` is kept below it. */
  readonly dataDirectory: string;
  /** Already open; the caller closes it after the server. */
  readonly store: Store;
  readonly logger: Logger;
  /** Default `0.0.0.0`. */
  readonly address?: string;
  /** Default 6443; 0 picks a free one. */
  readonly port?: number;
  /** Where pods and other hosts reach the server. Default: this host's first address that is not loopback. */
  readonly advertiseAddress?: string;
  /** Default `10.96.0.0/12`. */
  readonly serviceCidr?: string;
  /** Inclusive; default 30000 to 32767. */
  readonly nodePortRange?: { readonly from: number; readonly to: number };
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Further names or addresses for the serving certificate. */
  readonly extraNames?: readonly string[];
  /** Absent: no audit. */
  readonly audit?: AuditOptions | undefined;
  /** Ways to say who one is besides the cluster's own. */
  readonly authentication?: AuthenticationOptions | undefined;
  /** How objects are encrypted on disk. Default: not, unless an earlier start was told to. */
  readonly encryption?: EncryptionOptions | undefined;
  /** The descriptions that OpenAPI documents carry; large, so it is read when first asked for. */
  readonly loadProse: Parameters<typeof createOpenApi>[1];
  /** Answer further paths, before the server's own. */
  readonly extraRoutes?: readonly Route[];
  /** Where the programs lie that joining hosts fetch; absent: nowhere. */
  readonly programDirectory?: string | undefined;
  /** Addresses of pods, told to joining hosts. Default `10.244.0.0/16`. */
  readonly clusterCidr?: string;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
}

/** The options with every default filled in. */
export interface ServerSettings extends Required<ServerOptions> {
  /** The first address of the service network. */
  readonly serviceIp: string;
  /** Who signs service-account tokens, and whom they are for. */
  readonly issuer: string;
}

export function settingsOf(options: ServerOptions): ServerSettings {
  const serviceCidr = options.serviceCidr ?? '10.96.0.0/12';
  const clusterDomain = options.clusterDomain ?? 'cluster.local';
  return {
    dataDirectory: options.dataDirectory,
    store: options.store,
    logger: options.logger,
    address: options.address ?? '0.0.0.0',
    port: options.port ?? 6443,
    advertiseAddress: options.advertiseAddress ?? firstHostAddress(),
    serviceCidr,
    serviceIp: firstServiceIp(serviceCidr),
    nodePortRange: options.nodePortRange ?? { from: 30000, to: 32767 },
    clusterDomain,
    issuer: `https://kubernetes.default.svc.${clusterDomain}`,
    extraNames: options.extraNames ?? [],
    audit: options.audit,
    authentication: options.authentication,
    encryption: options.encryption,
    loadProse: options.loadProse,
    extraRoutes: options.extraRoutes ?? [],
    programDirectory: options.programDirectory,
    clusterCidr: options.clusterCidr ?? '10.244.0.0/16',
    now: options.now ?? Date.now,
  };
}

function firstHostAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) if (family === 'IPv4' && !internal) return address;
  }
  return '127.0.0.1';
}
