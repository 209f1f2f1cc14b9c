import { badRequest } from '../../machinery/status-error.ts';
import { ServerContext } from '../http/context.ts';
import type { Authorizer, Filter, RequestContext, UserInfo } from '../request.ts';
import { forbiddenRequest } from './authorization.ts';
import { decode } from './request-info.ts';

const extraPrefix = 'impersonate-extra-';

/** `kubectl --as`: every part of the wanted identity must be allowed by the verb `impersonate`. */
export function impersonationFilter(authorizer: Authorizer): Filter {
  return async (context, next) => {
    if (context.headers['impersonate-user'] === undefined) {
      refusePartialIdentity(context);
      return next();
    }
    const wanted = readIdentity(context);
    for (const ask of asksOf(wanted)) {
      const attributes = {
        user: context.user,
        verb: 'impersonate',
        isResourceRequest: true,
        version: '',
        path: context.path,
        ...ask,
      };
      const { decision, reason } = await authorizer.authorize(attributes);
      if (decision !== 'allow') throw forbiddenRequest(attributes, reason);
    }
    if (context instanceof ServerContext) context.impersonator = context.user;
    context.user = completeIdentity(wanted);
    return next();
  };
}

interface Identity {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

function refusePartialIdentity(context: RequestContext): void {
  for (const header in context.headers) {
    if (!header.startsWith('impersonate-')) continue;
    if (header === 'impersonate-group' || header === 'impersonate-uid' || header.startsWith(extraPrefix)) {
      throw badRequest('requested impersonation without impersonating a user');
    }
  }
}

function readIdentity({ headers }: RequestContext): Identity {
  const extra: Record<string, string[]> = {};
  for (const header in headers) {
    if (header.startsWith(extraPrefix)) extra[decode(header.slice(extraPrefix.length))] = valuesOf(headers[header]);
  }
  return {
    name: valuesOf(headers['impersonate-user'])[0] ?? '',
    uid: valuesOf(headers['impersonate-uid'])[0] ?? '',
    groups: valuesOf(headers['impersonate-group']),
    extra,
  };
}

/** Node joins repeated headers that it does not know with a comma. */
function valuesOf(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : value.split(/,\s*/);
}

interface Ask {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

function* asksOf({ name, uid, groups, extra }: Identity): Iterable<Ask> {
  const account = serviceAccountOf(name);
  if (account !== undefined) yield { group: '', resource: 'serviceaccounts', subresource: '', ...account };
  else yield { group: '', resource: 'users', subresource: '', namespace: '', name };
  for (const group of groups) yield { group: '', resource: 'groups', subresource: '', namespace: '', name: group };
  const inGroup = { group: 'authentication.k8s.io', namespace: '' };
  if (uid !== '') yield { ...inGroup, resource: 'uids', subresource: '', name: uid };
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values) yield { ...inGroup, resource: 'userextras', subresource: key, name: value };
  }
}

export function serviceAccountOf(userName: string): { namespace: string; name: string } | undefined {
  const match = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(userName);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { namespace: match[1], name: match[2] };
}

function completeIdentity({ name, uid, groups, extra }: Identity): UserInfo {
  const all = [...groups];
  const account = serviceAccountOf(name);
  if (account !== undefined && all.length === 0) {
    all.push('system:serviceaccounts', `system:serviceaccounts:${account.namespace}`);
  }
  const last = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  if (!all.includes(last)) all.push(last);
  return { name, groups: all, ...(uid === '' ? {} : { uid }), extra };
}
