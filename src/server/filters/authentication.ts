import { unauthorized } from '../../machinery/status-error.ts';
import type { Authenticator, Filter, UserInfo } from '../request.ts';

/** Asks each authenticator in turn; the first that knows the caller decides, and nobody known is 401. */
export function authenticationFilter(authenticators: readonly Authenticator[]): Filter {
  return async (context, next) => {
    for (const authenticator of authenticators) {
      const user = await authenticator.authenticate(context);
      if (user !== undefined) {
        context.user = withAuthenticatedGroup(user);
        return next();
      }
    }
    throw unauthorized();
  };
}

const grouped = new WeakMap<UserInfo, UserInfo>();

/** `system:authenticated` is everyone's but the anonymous user's, as upstream's group adder. */
function withAuthenticatedGroup(user: UserInfo): UserInfo {
  const { groups } = user;
  if (groups.includes('system:authenticated') || groups.includes('system:unauthenticated')) return user;
  let known = grouped.get(user);
  if (known === undefined) {
    known = { ...user, groups: [...groups, 'system:authenticated'] };
    grouped.set(user, known);
  }
  return known;
}
