import { tooManyRequests } from '../../machinery/status-error.ts';
import type { Filter } from '../request.ts';
import { isLongRunning } from './deadline.ts';

const readOnlyVerbs = new Set(['get', 'list', 'watch', 'head', 'options']);

export interface FlowLimits {
  /** Upstream's --max-mutating-requests-inflight. */
  readonly mutating: number;
  /** Upstream's --max-requests-inflight. */
  readonly readOnly: number;
}

export interface FlowControl {
  readonly filter: Filter;
  readonly inFlight: { mutating: number; readOnly: number };
}

/**
 * Bounds the ordinary requests in flight; what is over the bound is told to come again in a second. Masters and this
 * process's own callers are let through, so that a flood cannot lock the operator out.
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
  return { filter, inFlight };
}
