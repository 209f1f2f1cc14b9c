import type { Event, ObjectReference } from '../api/core/v1/types.generated.ts';
import { events } from '../api/resource-types.ts';
import { type Logger, silentLogger } from '../machinery/logger.ts';
import type { KubeObject } from '../machinery/meta.ts';
import { isApiError, isNotFound } from '../machinery/status-error.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Client, EventRecorder } from './contract.ts';
import { sleep } from './delay.ts';
import { EventCorrelator } from './event-correlator.ts';

/** Events waiting to be written; more are dropped, since an Event is not worth memory. */
const waitingMax = 1000;
const attemptsMax = 12;
const retryMs = 1000;
const messageLengthMax = 1024;

export interface EventRecorderOptions {
  readonly client: Client;
  /** `deployment-controller`, `kubelet`. */
  readonly component: string;
  /** Node name, for components of a node. */
  readonly host?: string;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly signal: AbortSignal;
}

interface WaitingEvent {
  readonly reference: ObjectReference;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly at: number;
}

/** See `EventRecorder`. Stops writing when `signal` aborts. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const logger = options.logger ?? silentLogger;
  const clock = options.clock ?? systemClock;
  const writer = new EventWriter({ ...options, logger, clock });
  return {
    event(about, type, reason, message) {
      writer.add({
        reference: referenceTo(about),
        type,
        reason,
        message: message.slice(0, messageLengthMax),
        at: clock.now(),
      });
    },
  };
}

export function referenceTo(object: KubeObject): ObjectReference {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

class EventWriter {
  private readonly options: Required<Omit<EventRecorderOptions, 'host'>> & { readonly host?: string };
  private readonly correlator: EventCorrelator;
  private readonly waiting: WaitingEvent[] = [];
  private running = false;
  private sequence = 0;

  constructor(options: Required<Omit<EventRecorderOptions, 'host'>> & { readonly host?: string }) {
    this.options = options;
    this.correlator = new EventCorrelator(options.clock);
  }

  add(event: WaitingEvent): void {
    const { logger, signal } = this.options;
    if (signal.aborted) return;
    if (this.waiting.length >= waitingMax) {
      logger.warn({ reason: event.reason }, 'Event was dropped because too many wait');
      return;
    }
    this.waiting.push(event);
    if (this.running) return;
    this.running = true;
    // `drain` logs what fails and never throws.
    void this.drain();
  }

  private async drain(): Promise<void> {
    for (let event = this.waiting.shift(); event !== undefined; event = this.waiting.shift()) {
      await this.write(event);
      if (this.options.signal.aborted) break;
    }
    this.running = false;
  }

  private async write(event: WaitingEvent): Promise<void> {
    const { reference, type, reason } = event;
    const { component, host = '', signal, logger } = this.options;
    const source = `${component}|${host}|${reference.kind}|${reference.namespace ?? ''}|${reference.name}|${reference.uid ?? ''}`;
    const decided = this.correlator.correlate({ source, type, reason, message: event.message });
    if (decided.kind === 'drop') return;
    for (let attempt = 1; attempt <= attemptsMax && !signal.aborted; attempt++) {
      try {
        await this.send(event, decided);
        return;
      } catch (err) {
        // An answer is final (the namespace may be going away); only a server that is away is worth a wait.
        if (isApiError(err) || attempt === attemptsMax) {
          logger.debug({ err, reason, object: `${reference.namespace ?? ''}/${reference.name}` }, 'Event was rejected');
          return;
        }
        await sleep(retryMs * attempt, signal).catch(() => undefined);
      }
    }
  }

  private async send(
    event: WaitingEvent,
    decided: {
      message: string;
      key: string;
      previous?: { namespace: string; name: string; firstTimestamp: string; count: number };
    },
  ): Promise<void> {
    const { client, signal } = this.options;
    const { previous, key } = decided;
    const lastTimestamp = seconds(event.at);
    if (previous !== undefined) {
      const count = previous.count + 1;
      try {
        const body = { count, lastTimestamp, message: decided.message };
        await client.resource(events).patch(previous, { type: 'strategic', body }, { signal });
        this.correlator.remember(key, { ...previous, count });
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
        // It expired; written anew below.
        this.correlator.forget(key);
      }
    }
    const made = this.make(event, decided.message);
    await client.resource(events).create(made, { signal });
    const { namespace = '', name } = made.metadata;
    this.correlator.remember(key, { namespace, name, firstTimestamp: lastTimestamp, count: 1 });
  }

  private make({ reference, type, reason, at }: WaitingEvent, message: string): Event {
    const { component, host } = this.options;
    const namespace = reference.namespace ?? 'default';
    // Unique and sortable: nanoseconds in upstream, here milliseconds and a counter in the digits below.
    this.sequence = (this.sequence + 1) % 1_000_000;
    const suffix = (BigInt(at) * 1_000_000n + BigInt(this.sequence)).toString(16);
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, name: `${reference.name}.${suffix}` },
      involvedObject: reference,
      reason,
      message,
      type,
      source: { component, ...(host === undefined ? {} : { host }) },
      firstTimestamp: seconds(at),
      lastTimestamp: seconds(at),
      count: 1,
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }
}

function seconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
