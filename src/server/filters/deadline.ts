import type { Logger } from '../../machinery/logger.ts';
import { timeoutError } from '../../machinery/status-error.ts';
import { ServerContext } from '../http/context.ts';
import type { Filter, RequestInfo } from '../request.ts';
import { respondWithError } from './errors.ts';

/** Upstream's --request-timeout. */
export const requestTimeoutMs = 60_000;

const streamingSubresources = new Set(['exec', 'attach', 'portforward', 'proxy', 'log', 'connect']);

/** Requests that may run as long as both sides want: watches and byte streams. */
export function isLongRunning(info: RequestInfo): boolean {
  return info.verb === 'watch' || (info.isResourceRequest && streamingSubresources.has(info.subresource));
}

/** The program that a host fetches to join is large, and its link may be slow. */
const downloads = '/join/roadstead-';

/** Ends an ordinary request that takes too long with 504; never a long-running one. */
export function deadlineFilter(logger: Logger, timeoutMs = requestTimeoutMs): Filter {
  return async (context, next) => {
    const isUnlimited =
      !(context instanceof ServerContext) ||
      context.upgrade !== undefined ||
      isLongRunning(context.info) ||
      context.path.startsWith(downloads);
    if (isUnlimited) return next();
    const timer = setTimeout(() => {
      const timeout = timeoutError('request did not complete within the allotted timeout');
      // Answered here and not by unwinding: the stage that hangs may never come back.
      const begun = context.response.headersSent;
      if (!begun) respondWithError(context, timeout, logger);
      context.abort(timeout);
      // A client that stops reading must not hold the rest of a long answer for ever; upstream ends it so, too.
      if (begun) context.response.cut(timeout);
    }, timeoutMs);
    try {
      await next();
    } finally {
      clearTimeout(timer);
    }
  };
}
