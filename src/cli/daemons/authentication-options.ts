import type { AuthenticationOptions } from '../../server/authentication/configured.ts';
import { UserError } from '../user-error.ts';

/** The flags of `roadstead server` about who users are, named as kube-apiserver's. */
export interface AuthenticationFlags {
  readonly authenticationConfig?: string;
  readonly oidcIssuerUrl?: string;
  readonly oidcClientId?: string;
  readonly oidcUsernameClaim?: string;
  readonly oidcUsernamePrefix?: string;
  readonly oidcGroupsClaim?: string;
  readonly oidcGroupsPrefix?: string;
  readonly oidcCaFile?: string;
  readonly oidcRequiredClaim?: readonly string[];
  readonly oidcSigningAlgs?: string;
}

export function authenticationOptionsOf(flags: AuthenticationFlags): AuthenticationOptions {
  const { authenticationConfig: configurationFile, oidcIssuerUrl: issuerUrl, oidcClientId: clientId } = flags;
  if (issuerUrl === undefined && clientId === undefined) return { configurationFile };
  if (issuerUrl === undefined || clientId === undefined) {
    throw new UserError('--oidc-issuer-url and --oidc-client-id go together; give both');
  }
  return {
    configurationFile,
    oidc: {
      issuerUrl,
      clientId,
      usernameClaim: flags.oidcUsernameClaim,
      usernamePrefix: flags.oidcUsernamePrefix,
      groupsClaim: flags.oidcGroupsClaim,
      groupsPrefix: flags.oidcGroupsPrefix,
      caFile: flags.oidcCaFile,
      requiredClaims: flags.oidcRequiredClaim,
      signingAlgorithms: flags.oidcSigningAlgs?.split(','),
    },
  };
}
