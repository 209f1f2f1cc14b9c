import type { Event } from '../api/core/v1/types.generated.ts';
import { as } from '../api/resource.ts';
import type { Logger } from '../machinery/logger.ts';
import { isConflict, isNotFound } from '../machinery/status-error.ts';
import type { ObjectAccess } from './contract.ts';

const events = { group: '', resource: 'events' };
/** Upstream's --event-ttl. */
export const eventLifetimeMs = 3_600_000;
const sweepIntervalMs = 60_000;
const deletionsAtOnce = 16;

export interface EventExpiryOptions {
  readonly objects: ObjectAccess;
  readonly logger: Logger;
  /** ms since the epoch */
  readonly now: () => number;
}

/** Forgets Events an hour after they were last written, until the answer is called. */
export function startEventExpiry(options: EventExpiryOptions): () => void {
  let running = false;
  const timer = setInterval(() => {
    // A sweep that takes longer than the interval is not joined by another.
    if (running) return;
    running = true;
    expireEvents(options)
      .catch((error: unknown) => options.logger.warn({ err: error }, 'Old events were not forgotten'))
      .finally(() => {
        running = false;
      });
  }, sweepIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

export async function expireEvents({ objects, now }: EventExpiryOptions): Promise<void> {
  const before = now() - eventLifetimeMs;
  const old = objects.list(events).filter((object) => lastWritten(as<Event>(object)) < before);
  let next = 0;
  const deleteSome = async (): Promise<void> => {
    for (let event = old[next++]; event !== undefined; event = old[next++]) {
      const { namespace = '', name, uid } = event.metadata;
      try {
        await objects.delete(events, namespace, name, uid === undefined ? {} : { uid });
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(deletionsAtOnce, old.length) }, deleteSome));
}

/** A write of an event is another occurrence, which it dates. */
function lastWritten({ metadata, lastTimestamp, eventTime, series }: Event): number {
  const times = [metadata.creationTimestamp, lastTimestamp, eventTime, series?.lastObservedTime];
  return Math.max(...times.map((time) => Date.parse(time ?? '') || 0));
}
