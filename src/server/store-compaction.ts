import type { Logger } from '../machinery/logger.ts';
import type { Store } from '../store/contract.ts';

/** Upstream's --etcd-compaction-interval: history stays for five to ten minutes. */
const intervalMs = 5 * 60 * 1000;

/** Forgets the history that is older than one interval, again and again, until the returned function is called. */
export function startCompaction(store: Store, logger: Logger): () => void {
  let before = 0;
  const compact = async (): Promise<void> => {
    const now = await store.currentRevision();
    if (before > 0) await store.compact(before);
    before = now;
  };
  const run = (): void => {
    compact().catch((error: unknown) => logger.warn({ err: error }, 'Store could not be compacted'));
  };
  run();
  const timer = setInterval(run, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
