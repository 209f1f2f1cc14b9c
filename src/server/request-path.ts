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
  readonly audit: Filter;
  readonly impersonation: Filter;
  readonly flowControl: Filter;
  readonly authorization: Filter;
  readonly media: Filter;
}

/** Every request, whatever brought it, walks this list. The order is upstream's and each place has its reason. */
export function buildRequestPath(filters: RequestPathFilters, last: Handler): Handler {
  return composeRequestPath(
    [
      // Everything below may need to know what is asked for, even to say what failed.
      filters.requestInfo,
      // Counts what the client sees, so it stands outside of the filter that turns errors into answers.
      filters.metrics,
      // Turns whatever is thrown further in into one Status.
      filters.errors,
      // Before any wait: a request that waits to be let in is bounded too.
      filters.deadline,
      // Who asks, before anything is decided or recorded about it.
      filters.authentication,
      // Records the user that authenticated, before impersonation replaces it, and whatever happens further in.
      filters.audit,
      // Needs the real user's rights; all that follows sees the impersonated one.
      filters.impersonation,
      // Before authorization, whose work is what a flood would cost.
      filters.flowControl,
      // The last gate; nothing behind it asks again who may do what.
      filters.authorization,
      // Reads bodies, so only of those who may send them.
      filters.media,
    ],
    last,
  );
}
