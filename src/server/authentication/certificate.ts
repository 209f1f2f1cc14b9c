import { unauthorized } from '../../machinery/status-error.ts';
import { ServerContext } from '../http/context.ts';
import type { Authenticator, UserInfo } from '../request.ts';
import type { AnonymousConfiguration } from './oidc/configuration.ts';

/** CN is the user, each O a group. */
export function certificateAuthenticator(): Authenticator {
  // Keyed by the connection's own object, so that every request of a connection carries the same UserInfo.
  const users = new WeakMap<object, UserInfo>();
  return {
    name: 'x509',
    async authenticate(context) {
      const certificate = context.clientCertificate;
      if (certificate === undefined) {
        if (context instanceof ServerContext && context.peer.certificateError !== undefined) throw unauthorized();
        return undefined;
      }
      let user = users.get(certificate);
      if (user === undefined) {
        user = { name: certificate.commonName, groups: certificate.organizations };
        users.set(certificate, user);
      }
      return user;
    },
  };
}

/** Callers inside this process are who the transport they were given says. */
export function localAuthenticator(): Authenticator {
  return {
    name: 'local',
    authenticate: async (context) => (context instanceof ServerContext ? context.localUser : undefined),
  };
}

const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Everyone who shows nothing; what that may do is RBAC's to say. */
export function anonymousAuthenticator({ enabled, paths }: AnonymousConfiguration): Authenticator {
  return {
    name: 'anonymous',
    authenticate: async ({ path }) => (enabled && paths?.includes(path) !== false ? anonymous : undefined),
  };
}
