import type { EndpointSlice } from '../../api/discovery/v1/types.generated.ts';
import type { Lister } from '../../client/index.ts';
import { objectKey } from '../../machinery/meta.ts';

/** After this long the cache is believed again: somebody may have deleted what we wrote. */
const ageMsMax = 5_000;

interface Written {
  /** Undefined: deleted. */
  readonly resourceVersion: bigint | undefined;
  readonly at: number;
}

/** Our own last writes, by Service: a sync on a cache that has not seen them would make slices twice. */
export class WrittenSlices {
  private readonly services = new Map<string, Map<string, Written>>();

  wrote(service: string, slice: EndpointSlice): void {
    this.put(service, objectKey(slice), BigInt(slice.metadata.resourceVersion ?? 0));
  }

  removed(service: string, slice: string): void {
    this.put(service, slice, undefined);
  }

  forget(service: string): void {
    this.services.delete(service);
  }

  allSeen(service: string, slices: Lister<EndpointSlice>): boolean {
    const writes = this.services.get(service);
    if (writes === undefined) return true;
    for (const [key, { resourceVersion, at }] of writes) {
      const seen = slices.get(key);
      const arrived =
        resourceVersion === undefined
          ? seen === undefined
          : seen !== undefined && BigInt(seen.metadata.resourceVersion ?? 0) >= resourceVersion;
      if (arrived || Date.now() - at > ageMsMax) writes.delete(key);
    }
    if (writes.size === 0) this.services.delete(service);
    return writes.size === 0;
  }

  private put(service: string, slice: string, resourceVersion: bigint | undefined): void {
    const writes = this.services.get(service) ?? new Map<string, Written>();
    writes.set(slice, { resourceVersion, at: Date.now() });
    this.services.set(service, writes);
  }
}
