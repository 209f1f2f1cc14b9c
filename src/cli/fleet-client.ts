import type { Client, RawResponse } from '../client/contract.ts';
import { connect } from './connect.ts';
import { dataDirectory } from './data-directory.ts';

export interface FleetOptions {
  readonly dataDir: string;
  /** Default $KUBECONFIG, else the data directory's. */
  readonly kubeconfig?: string;
  readonly namespace: string;
}

export function connectFleet({ kubeconfig, dataDir }: FleetOptions): Promise<Client> {
  return connect(kubeconfig ?? process.env['KUBECONFIG'] ?? dataDirectory(dataDir).kubeconfig, 'roadstead');
}

export interface LogOptions {
  readonly namespace: string;
  readonly name: string;
  readonly follow?: boolean;
  readonly step?: string;
}

/** What a task printed, from its host. */
export function taskLog(client: Client, options: LogOptions, signal?: AbortSignal): Promise<RawResponse> {
  const query = new URLSearchParams();
  if (options.follow === true) query.set('follow', 'true');
  if (options.step !== undefined) query.set('step', options.step);
  const of = `namespaces/${encodeURIComponent(options.namespace)}/hosttasks/${encodeURIComponent(options.name)}`;
  const path = `/apis/streams.roadstead.dev/v1/${of}/log?${query.toString()}`;
  return client.request({ method: 'GET', path, ...(signal === undefined ? {} : { signal }) });
}
