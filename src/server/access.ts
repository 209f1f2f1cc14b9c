import type { KeyObject } from 'node:crypto';
import { bearerTokenAuthenticator, type TokenVerifier } from './authentication/bearer-token.ts';
import { bootstrapTokenVerifier } from './authentication/bootstrap-token.ts';
import { anonymousAuthenticator, certificateAuthenticator, localAuthenticator } from './authentication/certificate.ts';
import type { ConfiguredAuthentication } from './authentication/configured.ts';
import { LegacyTokens } from './authentication/legacy-token.ts';
import { ServiceAccountTokens } from './authentication/service-account-token.ts';
import { NodeAuthorizer } from './authorization/node.ts';
import { Rbac } from './authorization/rbac.ts';
import type { ObjectAccess } from './contract.ts';
import { unionAuthorizer } from './filters/authorization.ts';
import type { Authenticator, Authorizer } from './request.ts';

/** Who somebody is and what they may do. */
export interface Access {
  /** In the order they are asked. */
  readonly authenticators: readonly Authenticator[];
  readonly verifiers: readonly TokenVerifier[];
  readonly tokens: ServiceAccountTokens;
  readonly legacyTokens: LegacyTokens;
  readonly authorizer: Authorizer;
  readonly rbac: Rbac;
  close(): void;
}

export interface AccessOptions {
  readonly objects: ObjectAccess;
  readonly serviceAccountKey: KeyObject;
  readonly issuer: string;
  /** Asked after the cluster's own. */
  readonly configured: ConfiguredAuthentication;
  readonly now: () => number;
}

export function createAccess({ objects, serviceAccountKey, issuer, configured, now }: AccessOptions): Access {
  const rbac = new Rbac(objects);
  const node = new NodeAuthorizer(objects, rbac);
  const tokens = new ServiceAccountTokens({ key: serviceAccountKey, issuer, audiences: [issuer], objects, now });
  const legacyTokens = new LegacyTokens({ key: serviceAccountKey, audiences: [issuer], objects });
  const verifiers = [tokens, legacyTokens, bootstrapTokenVerifier(objects, now), ...configured.verifiers];
  return {
    authenticators: [
      localAuthenticator(),
      certificateAuthenticator(),
      bearerTokenAuthenticator(verifiers),
      anonymousAuthenticator(configured.anonymous),
    ],
    verifiers,
    tokens,
    legacyTokens,
    authorizer: unionAuthorizer([node, rbac]),
    rbac,
    close() {
      node.close();
      rbac.close();
    },
  };
}
