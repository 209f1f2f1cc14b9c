import type { Filter, Handler, RequestContext } from './request.ts';

/** Runs `filters` in order around `last`. Each request pays one small closure a filter and nothing else. */
export function composeRequestPath(filters: readonly Filter[], last: Handler): Handler {
  return filters.reduceRight<Handler>(
    (next, filter) => (context: RequestContext) => filter(context, () => next(context)),
    last,
  );
}

export interface RequestPathFilters {
  readonly errors: Filter;
  readonly requestInfo: Filter;
  readonly metrics: Filter;
  readonly deadline: Filter;
  readonly authentication: Filter;
  /** Absent: nobody audits. */
  readonly audit: { readonly end: Filter; readonly begin: Filter; readonly body: Filter } | undefined;
  readonly impersonation: Filter;
  readonly flowControl: Filter;
  readonly authorization: Filter;
  readonly media: Filter;
}

/** Every request, whatever brought it, walks this list. The order is upstream's and each place has its reason. */
export function buildRequestPath(filters: RequestPathFilters, last: Handler): Handler {
  const { audit } = filters;
  return composeRequestPath(
    [
      // Everything below may need to know what is asked for, even to say what failed.
      filters.requestInfo,
      // These two record what the client sees, so they stand outside of the filter that turns errors into answers.
      filters.metrics,
      ...(audit === undefined ? [] : [audit.end]),
      // Turns whatever is thrown further in into one Status.
      filters.errors,
      // Before any wait: a request that waits to be let in is bounded too.
      filters.deadline,
      // Who asks, before anything is decided or recorded about it.
      filters.authentication,
      // Its policy is about the user who really asks.
      ...(audit === undefined ? [] : [audit.begin]),
      // Needs the real user's rights; all that follows sees the impersonated one.
      filters.impersonation,
      // Before authorization, whose work is what a flood would cost.
      filters.flowControl,
      // The last gate; nothing behind it asks again who may do what.
      filters.authorization,
      // Reads bodies, so only of those who may send them.
      filters.media,
      // Bodies are written down as JSON, so behind what makes them that.
      ...(audit === undefined ? [] : [audit.body]),
    ],
    last,
  );
}
