import type { JsonObject } from '../../../machinery/json.ts';
import type { Logger } from '../../../machinery/logger.ts';
import { StartupError } from '../../../machinery/startup-error.ts';
import { unauthorized } from '../../../machinery/status-error.ts';
import type { UserInfo } from '../../request.ts';
import type { TokenVerifier, VerifiedToken } from '../bearer-token.ts';
import { ClaimError, type ClaimMapper, claimMapper } from './claim-mapping.ts';
import type { IssuerConfiguration } from './configuration.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { isSignedBy, type ParsedToken, parseToken } from './json-web-token.ts';

/** Verified tokens remembered, for upstream's 10 s: a client asks often, and a signature costs much. */
const rememberedMax = 4096;
const rememberedMs = 10_000;
/** How far the issuer's clock may be ahead of ours. */
const notBeforeLeewaySeconds = 300;

export interface OidcTokensOptions {
  /** What this API itself is called as an audience. */
  readonly apiAudiences: readonly string[];
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Believes the tokens of one OpenID Connect issuer. */
export class OidcTokens implements TokenVerifier {
  readonly #issuer: IssuerConfiguration;
  readonly #options: OidcTokensOptions;
  readonly #keys: IssuerKeys;
  readonly #userOf: ClaimMapper;
  readonly #verified = new Map<string, { readonly user: UserInfo; readonly until: number }>();

  /** Throws a StartupError for an expression that cannot be compiled. */
  constructor(issuer: IssuerConfiguration, options: OidcTokensOptions) {
    this.#issuer = issuer;
    this.#options = options;
    this.#keys = new IssuerKeys(issuer, options.now);
    try {
      this.#userOf = claimMapper(issuer);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new StartupError(`An expression for the issuer ${issuer.url} cannot be used: ${why}`, { cause: error });
    }
  }

  async verify(token: string, audiences?: readonly string[]): Promise<VerifiedToken | undefined> {
    const user = this.#remembered(token) ?? (await this.#verifyNew(token));
    if (user === undefined) return undefined;
    const shared = audiences?.filter((audience) => this.#options.apiAudiences.includes(audience)) ?? [];
    if (audiences !== undefined && shared.length === 0) throw unauthorized();
    return { user, audiences: shared };
  }

  #remembered(token: string): UserInfo | undefined {
    const known = this.#verified.get(token);
    if (known === undefined) return undefined;
    if (this.#options.now() < known.until) return known.user;
    this.#verified.delete(token);
    return undefined;
  }

  async #verifyNew(token: string): Promise<UserInfo | undefined> {
    const parsed = parseToken(token);
    if (parsed === undefined || parsed.claims['iss'] !== this.#issuer.url) return undefined;
    try {
      await this.#requireSignature(parsed);
      const expiry = this.#requireTimes(parsed.claims);
      this.#requireAudience(parsed.claims);
      const user = this.#userOf(parsed.claims);
      this.#remember(token, user, Math.min(this.#options.now() + rememberedMs, expiry * 1000));
      return user;
    } catch (error) {
      // A client is told no more than that; who runs the server must be able to find out.
      const level = error instanceof ClaimError ? 'info' : 'warn';
      this.#options.logger[level]({ err: error, issuer: this.#issuer.url }, 'A token was not believed');
      throw unauthorized();
    }
  }

  async #requireSignature(parsed: ParsedToken): Promise<void> {
    if (!this.#issuer.algorithms.includes(parsed.algorithm)) {
      throw new ClaimError(`oidc: signed with ${JSON.stringify(parsed.algorithm)}, which is not allowed`);
    }
    const keys = await this.#keys.find(parsed.keyId);
    if (!keys.some((key) => isSignedBy(parsed, key))) throw new ClaimError('oidc: no key of the issuer signed it');
  }

  #requireTimes({ exp, nbf }: JsonObject): number {
    const now = this.#options.now() / 1000;
    if (typeof exp !== 'number' || now >= exp) throw new ClaimError('oidc: token is expired');
    const isEarly = nbf !== undefined && (typeof nbf !== 'number' || now + notBeforeLeewaySeconds < nbf);
    if (isEarly) throw new ClaimError('oidc: token is not valid yet');
    return exp;
  }

  #requireAudience({ aud }: JsonObject): void {
    const named: unknown[] = Array.isArray(aud) ? aud : [aud];
    if (this.#issuer.audiences.some((audience) => named.includes(audience))) return;
    throw new ClaimError(
      `oidc: expected audience in ${JSON.stringify(this.#issuer.audiences)} got ${JSON.stringify(aud)}`,
    );
  }

  #remember(token: string, user: UserInfo, until: number): void {
    if (this.#verified.size >= rememberedMax) {
      const oldest = this.#verified.keys().next();
      if (oldest.done !== true) this.#verified.delete(oldest.value);
    }
    this.#verified.set(token, { user, until });
  }
}
