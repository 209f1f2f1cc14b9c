import type { Logger } from '../../machinery/logger.ts';
import { tooManyRequests } from '../../machinery/status-error.ts';
import type { ObjectAccess } from '../contract.ts';
import { Dispatcher } from '../flow-control/dispatcher.ts';
import { type Flow, FlowCatalog } from '../flow-control/flow-catalog.ts';
import { flowMetrics } from '../flow-control/flow-metrics.ts';
import type { Gauge } from '../health/metrics.ts';
import { ServerContext } from '../http/context.ts';
import type { Filter, RequestContext } from '../request.ts';
import { isLongRunning, requestTimeoutMs } from './deadline.ts';

const readOnlyVerbs = new Set(['get', 'list', 'watch', 'head', 'options']);

/** Upstream lets a request wait for a quarter of the time it has. */
const waitMsMax = requestTimeoutMs / 4;

export interface FlowControlOptions {
  readonly objects: ObjectAccess;
  /** Ordinary requests that run at once, over all priority levels but the exempt. */
  readonly seatsTotal: number;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface FlowControl {
  readonly filter: Filter;
  readonly gauges: readonly Gauge[];
  close(): void;
}

/** API priority and fairness: every ordinary request takes a seat of the level that its FlowSchema names. */
export function flowControl(options: FlowControlOptions): FlowControl {
  const dispatcher = new Dispatcher({ now: () => performance.now(), waitMsMax });
  const catalog = new FlowCatalog({ ...options, dispatcher });
  const inFlight = { mutating: 0, readOnly: 0 };

  const run = async (flow: Flow, context: RequestContext, next: () => Promise<void>): Promise<void> => {
    const { level, counts } = flow;
    const { verb } = context.info;
    const lane = readOnlyVerbs.has(verb) ? 'readOnly' : 'mutating';
    let holdsSeat = true;
    counts.dispatched += 1;
    counts.executing += 1;
    inFlight[lane] += 1;
    const release = (): void => {
      if (!holdsSeat) return;
      holdsSeat = false;
      counts.executing -= 1;
      inFlight[lane] -= 1;
      dispatcher.finish(level);
    };
    // A watch is work until its first event is on the way; then it costs what its events cost.
    if (verb === 'watch') {
      const { onHead } = context.response;
      context.response.onHead = () => {
        onHead?.();
        release();
      };
    }
    try {
      await next();
    } finally {
      release();
    }
  };

  const filter: Filter = (context, next) => {
    const { info } = context;
    if (context.upgrade !== undefined || (isLongRunning(info) && info.verb !== 'watch')) return next();
    const flow = catalog.find(context);
    if (flow === undefined) return next();
    const { schema, level } = flow;
    if (!(context instanceof ServerContext) || context.localUser === undefined) {
      context.response.setHeader('x-kubernetes-pf-flowschema-uid', schema.uid);
      context.response.setHeader('x-kubernetes-pf-prioritylevel-uid', level.uid);
    }
    return dispatcher.tryStart(level)
      ? run(flow, context, next)
      : waitForSeat(dispatcher, flow, context).then(() => run(flow, context, next));
  };
  return { filter, gauges: [inFlightGauge(inFlight), ...flowMetrics(catalog)], close: () => closeAll() };

  function closeAll(): void {
    catalog.close();
    dispatcher.close();
  }
}

async function waitForSeat(dispatcher: Dispatcher, flow: Flow, context: RequestContext): Promise<void> {
  const { schema, level, counts } = flow;
  const since = performance.now();
  const isGone = (): boolean => (context instanceof ServerContext ? context.aborted : context.signal.aborted);
  counts.waiting += 1;
  try {
    await dispatcher.wait(level, `${schema.name}/${schema.flowOf(context)}`, isGone, (reason) => {
      counts.rejected.set(reason, (counts.rejected.get(reason) ?? 0) + 1);
      return tooManyRequests('Too many requests, please try again later.', 1);
    });
  } finally {
    counts.waiting -= 1;
    counts.waits += 1;
    counts.waitedSeconds += (performance.now() - since) / 1000;
  }
}

function inFlightGauge(inFlight: { readonly mutating: number; readonly readOnly: number }): Gauge {
  return {
    name: 'apiserver_current_inflight_requests',
    help: 'Ordinary requests under way',
    read: () => [
      ['request_kind="mutating"', inFlight.mutating],
      ['request_kind="readOnly"', inFlight.readOnly],
    ],
  };
}
