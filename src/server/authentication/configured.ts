import { StartupError } from '../../machinery/startup-error.ts';
import type { TokenVerifier } from './bearer-token.ts';
import type { AnonymousConfiguration, OidcOptions } from './oidc/configuration.ts';
import type { OidcTokensOptions } from './oidc/oidc-tokens.ts';

export interface AuthenticationOptions {
  /** An AuthenticationConfiguration; excludes `oidc`. */
  readonly configurationFile?: string | undefined;
  readonly oidc?: OidcOptions | undefined;
}

export interface ConfiguredAuthentication {
  readonly verifiers: readonly TokenVerifier[];
  readonly anonymous: AnonymousConfiguration;
}

const everyoneAnonymous: AnonymousConfiguration = { enabled: true };

/** What an operator adds to the cluster's own ways to say who one is. Nothing of it is loaded where nothing is asked for. */
export async function configuredAuthentication(
  options: AuthenticationOptions | undefined,
  tokens: OidcTokensOptions,
): Promise<ConfiguredAuthentication> {
  const { configurationFile, oidc } = options ?? {};
  if (configurationFile === undefined && oidc === undefined) return { verifiers: [], anonymous: everyoneAnonymous };
  if (configurationFile !== undefined && oidc !== undefined) {
    throw new StartupError(
      '--authentication-config and the --oidc flags exclude each other; move the issuer into the file',
    );
  }
  const [{ configurationOfFlags, readAuthenticationConfiguration }, { OidcTokens }] = await Promise.all([
    import('./oidc/configuration.ts'),
    import('./oidc/oidc-tokens.ts'),
  ]);
  const configuration =
    oidc === undefined
      ? await readAuthenticationConfiguration(configurationFile ?? '')
      : await configurationOfFlags(oidc);
  return {
    verifiers: configuration.issuers.map((issuer) => new OidcTokens(issuer, tokens)),
    anonymous: configuration.anonymous ?? everyoneAnonymous,
  };
}
