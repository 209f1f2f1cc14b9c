import { createHash } from 'node:crypto';
import type { KubeObject, ResourceType } from '../../../machinery/meta.ts';
import { fleetGroup, fleetVersion } from './host.ts';
import type { PackageFile } from './host-task.ts';

/** A folder with `deploy.sh`, `remove.sh` and what they need; its content lies in ConfigMaps named by their digests. */
export interface Package extends KubeObject {
  spec: PackageSpec;
}

export interface PackageSpec {
  readonly version: string;
  readonly description?: string;
  /** `sha256:` over the list of files: see `digestOfFiles`. */
  readonly digest: string;
  readonly files: readonly PackageFile[];
  /** systemd unit that the package brings; default its name. */
  readonly unit?: string;
}

export const packages: ResourceType<Package> = {
  group: fleetGroup,
  version: fleetVersion,
  resource: 'packages',
  kind: 'Package',
  namespaced: true,
};

/** Over path, mode and digest of each file, in the order of their paths: how they are stored does not matter. */
export function digestOfFiles(files: readonly PackageFile[]): string {
  const lines = files.map(({ path, mode = '0644', digest }) => `${digest} ${mode} ${path}\n`).sort();
  return `sha256:${createHash('sha256').update(lines.join('')).digest('hex')}`;
}
