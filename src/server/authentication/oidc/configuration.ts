import { readFile } from 'node:fs/promises';
import { isJsonObject, type JsonObject } from '../../../machinery/json.ts';
import { StartupError } from '../../../machinery/startup-error.ts';
import { knownAlgorithms } from './json-web-token.ts';

/** What one claim, or one expression over all of them, gives. */
export type Mapping =
  | { readonly claim: string; readonly prefix: string }
  /** CEL; the claims are `claims`. */
  | { readonly expression: string };

/** One identity provider whose tokens are believed. */
export interface IssuerConfiguration {
  /** `https://`; what the tokens say in `iss`. */
  readonly url: string;
  /** Where the discovery document is, when not below `url`. */
  readonly discoveryUrl?: string | undefined;
  /** PEM. Absent: the roots that this host trusts. */
  readonly certificateAuthority?: string | undefined;
  /** A token must be for one of them. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  readonly username: Mapping;
  readonly groups?: Mapping | undefined;
  readonly uid?: Mapping | undefined;
  readonly extra: readonly { readonly key: string; readonly valueExpression: string }[];
  readonly claimRules: readonly ClaimRule[];
  readonly userRules: readonly { readonly expression: string; readonly message: string }[];
}

export type ClaimRule =
  | { readonly claim: string; readonly requiredValue: string }
  | { readonly expression: string; readonly message: string };

/** Whether those who show nothing are somebody. */
export interface AnonymousConfiguration {
  readonly enabled: boolean;
  /** Only on these paths; absent: on all. */
  readonly paths?: readonly string[] | undefined;
}

export interface AuthenticationConfiguration {
  readonly issuers: readonly IssuerConfiguration[];
  readonly anonymous?: AnonymousConfiguration | undefined;
}

/** kube-apiserver's --oidc flags. */
export interface OidcOptions {
  readonly issuerUrl: string;
  readonly clientId: string;
  /** Default `sub`. */
  readonly usernameClaim?: string | undefined;
  /** Default `<issuer>#`, and nothing for the claim `email`; `-` is no prefix. */
  readonly usernamePrefix?: string | undefined;
  readonly groupsClaim?: string | undefined;
  readonly groupsPrefix?: string | undefined;
  readonly caFile?: string | undefined;
  /** `claim=value` each. */
  readonly requiredClaims?: readonly string[] | undefined;
  /** Default RS256. */
  readonly signingAlgorithms?: readonly string[] | undefined;
}

/** Throws a StartupError for what cannot be used. */
export async function configurationOfFlags(options: OidcOptions): Promise<AuthenticationConfiguration> {
  const { issuerUrl, usernameClaim = 'sub', usernamePrefix, groupsClaim, caFile } = options;
  requireHttps(issuerUrl, '--oidc-issuer-url');
  const algorithms = options.signingAlgorithms ?? ['RS256'];
  const unknown = algorithms.find((algorithm) => !knownAlgorithms.has(algorithm));
  if (unknown !== undefined) {
    throw new StartupError(`--oidc-signing-algs: "${unknown}" is none of ${[...knownAlgorithms.keys()].join(', ')}`);
  }
  const defaultPrefix = usernameClaim === 'email' ? '' : `${issuerUrl}#`;
  const prefix = usernamePrefix === '-' ? '' : (usernamePrefix ?? defaultPrefix);
  const claimRules = (options.requiredClaims ?? []).map((text): ClaimRule => {
    const at = text.indexOf('=');
    if (at < 1) throw new StartupError(`--oidc-required-claim: "${text}" is not claim=value`);
    return { claim: text.slice(0, at), requiredValue: text.slice(at + 1) };
  });
  return {
    issuers: [
      {
        url: issuerUrl,
        ...(caFile === undefined ? {} : { certificateAuthority: await readText(caFile, '--oidc-ca-file') }),
        audiences: [options.clientId],
        algorithms,
        username: { claim: usernameClaim, prefix },
        groups: groupsClaim === undefined ? undefined : { claim: groupsClaim, prefix: options.groupsPrefix ?? '' },
        extra: [],
        claimRules,
        userRules: [],
      },
    ],
  };
}

function requireHttps(url: string, what: string): void {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') {
    throw new StartupError(`${what} must be an https:// address, and is "${url}"`);
  }
}

async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new StartupError(`${what}: ${path} cannot be read`, { cause: error });
  }
}

const apiVersions = ['v1', 'v1beta1'].map((version) => `apiserver.config.k8s.io/${version}`);

/** Reads an apiserver.config.k8s.io AuthenticationConfiguration. Throws a StartupError that says what is wrong. */
export async function readAuthenticationConfiguration(path: string): Promise<AuthenticationConfiguration> {
  const text = await readText(path, '--authentication-config');
  try {
    const { parse } = await import('yaml');
    return parseConfiguration(parse(text));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartupError(`Authentication configuration ${path} cannot be used: ${why}`, { cause: error });
  }
}

function parseConfiguration(value: unknown): AuthenticationConfiguration {
  if (!isJsonObject(value) || value['kind'] !== 'AuthenticationConfiguration') {
    throw new Error('it is no AuthenticationConfiguration');
  }
  if (!apiVersions.includes(String(value['apiVersion'])))
    throw new Error(`its apiVersion is none of ${apiVersions.join(', ')}`);
  const issuers = objects(value['jwt'], 'jwt').map((entry, at) => parseIssuer(entry, `jwt[${at}]`));
  const urls = issuers.map(({ url }) => url);
  const twice = urls.find((url, at) => urls.indexOf(url) !== at);
  if (twice !== undefined) throw new Error(`two entries of jwt are of the issuer ${twice}`);
  return { issuers, anonymous: parseAnonymous(value['anonymous']) };
}

function parseAnonymous(value: unknown): AnonymousConfiguration | undefined {
  if (value === undefined) return undefined;
  if (!isJsonObject(value) || typeof value['enabled'] !== 'boolean') throw new Error('anonymous.enabled is no boolean');
  const conditions = objects(value['conditions'], 'anonymous.conditions');
  const paths = conditions.map(({ path }, at) => requiredText(path, `anonymous.conditions[${at}].path`));
  return { enabled: value['enabled'], paths: paths.length === 0 ? undefined : paths };
}

function parseIssuer(entry: JsonObject, path: string): IssuerConfiguration {
  const issuer = object(entry['issuer'], `${path}.issuer`);
  const mappings = object(entry['claimMappings'], `${path}.claimMappings`);
  const url = requiredText(issuer['url'], `${path}.issuer.url`);
  requireHttps(url, `${path}.issuer.url`);
  const discoveryUrl = optionalText(issuer['discoveryURL'], `${path}.issuer.discoveryURL`);
  if (discoveryUrl !== undefined) requireHttps(discoveryUrl, `${path}.issuer.discoveryURL`);
  const audiences = texts(issuer['audiences'], `${path}.issuer.audiences`);
  if (audiences.length === 0) throw new Error(`${path}.issuer.audiences is empty`);
  const at = `${path}.claimMappings`;
  const username = parseMapping(mappings['username'], `${at}.username`);
  if (username === undefined) throw new Error(`${at}.username is missing`);
  return {
    url,
    discoveryUrl,
    certificateAuthority: optionalText(issuer['certificateAuthority'], `${path}.issuer.certificateAuthority`),
    audiences,
    algorithms: [...knownAlgorithms.keys()],
    username,
    groups: parseMapping(mappings['groups'], `${at}.groups`),
    uid: parseMapping(mappings['uid'], `${at}.uid`),
    extra: objects(mappings['extra'], `${at}.extra`).map(({ key, valueExpression }, index) => ({
      key: requiredText(key, `${at}.extra[${index}].key`),
      valueExpression: requiredText(valueExpression, `${at}.extra[${index}].valueExpression`),
    })),
    claimRules: objects(entry['claimValidationRules'], `${path}.claimValidationRules`).map((rule, index) =>
      parseClaimRule(rule, `${path}.claimValidationRules[${index}]`),
    ),
    userRules: objects(entry['userValidationRules'], `${path}.userValidationRules`).map((rule, index) =>
      parseRule(rule, `${path}.userValidationRules[${index}]`),
    ),
  };
}

function parseMapping(value: unknown, path: string): Mapping | undefined {
  if (value === undefined) return undefined;
  const { claim, prefix, expression } = object(value, path);
  if ((claim === undefined) === (expression === undefined)) throw new Error(`${path} needs either claim or expression`);
  if (expression !== undefined) return { expression: requiredText(expression, `${path}.expression`) };
  return {
    claim: requiredText(claim, `${path}.claim`),
    prefix: prefix === '' ? '' : (optionalText(prefix, `${path}.prefix`) ?? ''),
  };
}

function parseClaimRule(rule: JsonObject, path: string): ClaimRule {
  if (rule['claim'] === undefined) return parseRule(rule, path);
  const { claim, requiredValue = '' } = rule;
  if (typeof requiredValue !== 'string') throw new Error(`${path}.requiredValue is no text`);
  return { claim: requiredText(claim, `${path}.claim`), requiredValue };
}

function parseRule({ expression, message }: JsonObject, path: string): { expression: string; message: string } {
  return {
    expression: requiredText(expression, `${path}.expression`),
    message: optionalText(message, `${path}.message`) ?? '',
  };
}

function object(value: unknown, path: string): JsonObject {
  if (!isJsonObject(value)) throw new Error(`${path} is no object`);
  return value;
}

function objects(value: unknown, path: string): JsonObject[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`${path} is no list`);
  return value.map((item: unknown, at) => object(item, `${path}[${at}]`));
}

function texts(value: unknown, path: string): string[] {
  if (!Array.isArray(value)) throw new Error(`${path} is no list`);
  return value.map((item: unknown, at) => requiredText(item, `${path}[${at}]`));
}

function requiredText(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '') throw new Error(`${path} must be a text that is not empty`);
  return value;
}

function optionalText(value: unknown, path: string): string | undefined {
  return value === undefined || value === '' ? undefined : requiredText(value, path);
}
