import type { APIResource } from '../../machinery/meta-types.generated.ts';

/** A group version that an extension server serves behind an APIService. */
export interface RemoteVersion {
  readonly group: string;
  readonly version: string;
  /** Versions of a group are preferred by this, the highest first, then by name. */
  readonly versionPriority: number;
  /** What it said last, with its subresources; empty when it never answered. */
  readonly resources: readonly APIResource[];
  /** It answers now. */
  readonly isCurrent: boolean;
}

export interface RemoteVersions {
  all(): readonly RemoteVersion[];
  /** Rises with every change of what `all` gives. */
  readonly generation: number;
}

export const noRemoteVersions: RemoteVersions = { all: () => [], generation: 0 };
