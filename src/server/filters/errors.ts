import type { Logger } from '../../machinery/logger.ts';
import { type ApiError, internalError, isApiError } from '../../machinery/status-error.ts';
import { ServerContext } from '../http/context.ts';
import type { Filter, RequestContext } from '../request.ts';

/** Answers whatever is thrown further in as a Status; once an answer has begun, an error can only end it. */
export function errorsFilter(logger: Logger): Filter {
  return async (context, next) => {
    try {
      await next();
    } catch (error) {
      respondWithError(context, error, logger);
    }
  };
}

export function respondWithError(context: RequestContext, error: unknown, logger: Logger): void {
  const failure = isApiError(error) ? error : translate(context, error, logger);
  const { response } = context;
  if (response.headersSent) {
    if (context instanceof ServerContext) context.abort(failure);
    response.cut(failure);
    return;
  }
  const { status, code } = failure;
  const retryAfter = status.details?.retryAfterSeconds;
  if (retryAfter !== undefined && retryAfter > 0) response.setHeader('retry-after', String(retryAfter));
  response.send(code, 'application/json', `${JSON.stringify(status)}\n`);
}

function translate(context: RequestContext, error: unknown, logger: Logger): ApiError {
  const gone = context.signal.aborted;
  const reason: unknown = gone ? context.signal.reason : undefined;
  if (isApiError(reason)) return reason;
  if (!gone) {
    logger.error({ err: error, method: context.method, path: context.path, requestId: context.id }, 'Request failed');
  }
  return internalError(error instanceof Error ? error.message : String(error));
}
