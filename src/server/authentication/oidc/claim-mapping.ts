import type { JsonObject } from '../../../machinery/json.ts';
import { CostBudget } from '../../cel/evaluator.ts';
import { fromJson, toJson } from '../../cel/json-values.ts';
import { compileCel } from '../../cel/program.ts';
import { boolType, type CelType, dynType } from '../../cel/types.ts';
import type { UserInfo } from '../../request.ts';
import type { ClaimRule, IssuerConfiguration, Mapping } from './configuration.ts';

/** Upstream's limit for one expression of authentication. */
const costMax = 10_000_000;

type Read = (claims: JsonObject) => unknown;

/** Why a token whose signature is good still names no user here. */
export class ClaimError extends Error {}

/** Makes the user out of the claims of a verified token. Throws ClaimError. */
export type ClaimMapper = (claims: JsonObject) => UserInfo;

/** Compiles the expressions; throws Error for one that cannot be. */
export function claimMapper(issuer: IssuerConfiguration): ClaimMapper {
  const username = readerOf(issuer.username);
  const groups = issuer.groups === undefined ? undefined : readerOf(issuer.groups);
  const uid = issuer.uid === undefined ? undefined : readerOf(issuer.uid);
  const extra = issuer.extra.map(({ key, valueExpression }) => ({ key, read: expression('claims', valueExpression) }));
  const claimChecks = issuer.claimRules.map(claimCheckOf);
  const userChecks = issuer.userRules.map((rule) => ruleCheck('user', rule));
  const usesEmail = 'claim' in issuer.username && issuer.username.claim === 'email';
  return (claims) => {
    for (const check of claimChecks) check(claims);
    if (usesEmail && claims['email_verified'] !== undefined && claims['email_verified'] !== true) {
      throw new ClaimError('oidc: email not verified');
    }
    const name = username(claims);
    if (typeof name !== 'string' || name === '') throw new ClaimError('oidc: the claims give no username');
    const uidValue = uid?.(claims);
    const extraValues = extra.flatMap(({ key, read }) => {
      const values = textsOf(read(claims), `extra ${key}`);
      return values.length === 0 ? [] : [[key, values] as const];
    });
    const user: UserInfo = {
      name,
      groups: groups === undefined ? [] : textsOf(groups(claims), 'groups'),
      ...(uidValue === undefined ? {} : { uid: String(uidValue) }),
      ...(extraValues.length === 0 ? {} : { extra: Object.fromEntries(extraValues) }),
    };
    const shown = { username: user.name, uid: user.uid ?? '', groups: user.groups, extra: user.extra ?? {} };
    for (const check of userChecks) check(shown);
    return user;
  };
}

function readerOf(mapping: Mapping): Read {
  if ('expression' in mapping) return expression('claims', mapping.expression);
  const { claim, prefix } = mapping;
  return (claims) => {
    const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
    if (typeof value === 'string') return value === '' ? undefined : prefix + value;
    return Array.isArray(value) ? value.map((item) => (typeof item === 'string' ? prefix + item : item)) : value;
  };
}

/** One text or a list of them. */
function textsOf(value: unknown, what: string): string[] {
  if (value === undefined || value === null || value === '') return [];
  if (typeof value === 'string') return [value];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new ClaimError(`oidc: ${what} is neither a string nor a list of strings`);
}

function claimCheckOf(rule: ClaimRule): (claims: JsonObject) => void {
  if ('expression' in rule) return ruleCheck('claims', rule);
  const { claim, requiredValue } = rule;
  return (claims) => {
    if (!Object.hasOwn(claims, claim)) throw new ClaimError(`oidc: required claim ${claim} not present in ID token`);
    if (claims[claim] !== requiredValue) {
      throw new ClaimError(
        `oidc: required claim ${claim} value does not match. Got = ${claims[claim]}, want = ${requiredValue}`,
      );
    }
  };
}

function ruleCheck(variable: string, rule: { expression: string; message: string }): (value: JsonObject) => void {
  const holds = expression(variable, rule.expression, boolType);
  return (value) => {
    if (holds(value) !== true)
      throw new ClaimError(`oidc: ${rule.message || `validation expression '${rule.expression}' failed`}`);
  };
}

function expression(variable: string, source: string, result?: CelType): Read {
  const program = compileCel(source, {
    variables: { [variable]: dynType },
    ...(result === undefined ? {} : { result }),
  });
  return (value) => {
    try {
      return toJson(program.evaluate({ [variable]: fromJson(value, dynType) }, new CostBudget(costMax)));
    } catch (error) {
      throw new ClaimError(`oidc: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  };
}
