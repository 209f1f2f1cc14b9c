import { apiError, badRequest, type FieldError, invalid } from '../../machinery/status-error.ts';
import type { CacheHub } from '../watch-cache/cache-hub.ts';

/** How long a read waits for a revision that is not there yet, as upstream. */
const futureRevisionWaitMs = 3000;

/** What a list says of the revision it wants. */
export interface RevisionWish {
  /** Undefined: the latest. 0: any. */
  readonly revision: number | undefined;
  readonly match: '' | 'Exact' | 'NotOlderThan';
}

/** Throws 400, and 422 for a combination upstream refuses. */
export function revisionWishOf(query: URLSearchParams, continued: boolean): RevisionWish {
  const text = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const errors: FieldError[] = [];
  if (match !== '') {
    const forbid = (detail: string) => errors.push({ type: 'forbidden', field: 'resourceVersionMatch', detail });
    if (text === '') forbid('resourceVersionMatch is forbidden unless resourceVersion is provided');
    if (continued) forbid('resourceVersionMatch is forbidden when continue is provided');
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push({
        type: 'notSupported',
        field: 'resourceVersionMatch',
        value: match,
        detail: '',
        supported: ['Exact', 'NotOlderThan', ''],
      });
    }
    if (match === 'Exact' && text === '0') {
      forbid('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  if (continued && text !== '' && text !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  return {
    revision: text === '' ? undefined : parseRevision(text),
    match: match === 'Exact' || match === 'NotOlderThan' ? match : '',
  };
}

export function parseRevision(text: string): number {
  if (!/^[0-9]+$/.test(text)) {
    throw badRequest(
      `Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return Number(text);
}

/** Waits until the caches are as new as asked for. Throws 504 when they do not get there. */
export async function awaitRevision(hub: CacheHub, revision: number | undefined): Promise<void> {
  if (revision === undefined) {
    await hub.fresh();
    return;
  }
  const reached = hub.reached(revision);
  if (reached === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), futureRevisionWaitMs);
  });
  const outcome = await Promise.race([reached, late]);
  clearTimeout(timer);
  if (outcome !== 'late') return;
  throw apiError(504, 'Timeout', `Timeout: Too large resource version: ${revision}, current: ${hub.revision}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
  });
}
