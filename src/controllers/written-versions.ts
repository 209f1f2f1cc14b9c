import type { KubeObject } from '../machinery/meta.ts';

/** After this long the cache is believed again. */
const ageMsMax = 5_000;

/** Our own last write of each object: what is planned from a cache that has not seen it would be planned twice. */
export class WrittenVersions {
  private readonly writes = new Map<string, { readonly resourceVersion: bigint; readonly at: number }>();

  wrote(key: string, { metadata }: KubeObject): void {
    this.writes.set(key, { resourceVersion: BigInt(metadata.resourceVersion ?? 0), at: Date.now() });
  }

  /** Whether `cached` is at least as new as what was written. */
  seen(key: string, cached: KubeObject): boolean {
    const written = this.writes.get(key);
    if (written === undefined) return true;
    const arrived = BigInt(cached.metadata.resourceVersion ?? 0) >= written.resourceVersion;
    if (!arrived && Date.now() - written.at < ageMsMax) return false;
    this.writes.delete(key);
    return true;
  }

  /** Keys of writes that nobody has asked for since. */
  keys(): readonly string[] {
    return [...this.writes.keys()];
  }

  forget(key: string): void {
    this.writes.delete(key);
  }
}
