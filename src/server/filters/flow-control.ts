import { tooManyRequests } from '../../machinery/status-error.ts';
import type { Gauge } from '../health/metrics.ts';
import type { Filter } from '../request.ts';
import { isLongRunning } from './deadline.ts';

const readOnlyVerbs = new Set(['get', 'list', 'watch', 'head', 'options']);

export interface FlowLimits {
  readonly mutating: number;
  readonly readOnly: number;
}

export interface FlowControl {
  readonly filter: Filter;
  readonly gauge: Gauge;
}

/**
 * Bounds the ordinary requests in flight; what is over the bound is told to come again in a second. Masters are let through, so that a flood cannot lock the operator out.
 */
export function flowControl(limits: FlowLimits): FlowControl {
  const inFlight = { mutating: 0, readOnly: 0 };
  const filter: Filter = async (context, next) => {
    const { info, user } = context;
    if (isLongRunning(info) || context.upgrade !== undefined) return next();
    const lane = readOnlyVerbs.has(info.verb) ? 'readOnly' : 'mutating';
    if (inFlight[lane] >= limits[lane] && !user.groups.includes('system:masters')) {
      throw tooManyRequests('Too many requests, please try again later.', 1);
    }
    inFlight[lane] += 1;
    try {
      await next();
    } finally {
      inFlight[lane] -= 1;
    }
  };
  const gauge: Gauge = {
    name: 'apiserver_current_inflight_requests',
    help: 'Ordinary requests under way',
    read: () => [
      ['request_kind="mutating"', inFlight.mutating],
      ['request_kind="readOnly"', inFlight.readOnly],
    ],
  };
  return { filter, gauge };
}
