import type { PolicyRule } from '../../api/rbac/v1/types.generated.ts';
import type { AuthorizationAttributes } from '../request.ts';

type Asked = Pick<
  AuthorizationAttributes,
  'verb' | 'isResourceRequest' | 'group' | 'resource' | 'subresource' | 'name' | 'path'
>;

/** A PolicyRule made ready to be asked many times. */
export class CompiledRule {
  readonly source: PolicyRule;
  readonly #verbs: Matcher;
  readonly #groups: Matcher;
  readonly #resources: Matcher;
  /** Undefined: any name. */
  readonly #names: ReadonlySet<string> | undefined;
  readonly #paths: readonly string[];

  constructor(rule: PolicyRule) {
    this.source = rule;
    this.#verbs = new Matcher(rule.verbs);
    this.#groups = new Matcher(rule.apiGroups);
    this.#resources = new Matcher(rule.resources);
    this.#names =
      rule.resourceNames === undefined || rule.resourceNames.length === 0 ? undefined : new Set(rule.resourceNames);
    this.#paths = rule.nonResourceURLs ?? [];
  }

  allows(asked: Asked): boolean {
    if (!this.#verbs.has(asked.verb)) return false;
    if (!asked.isResourceRequest) return this.#paths.some((path) => pathMatches(path, asked.path));
    if (!this.#groups.has(asked.group)) return false;
    if (this.#names !== undefined && !this.#names.has(asked.name)) return false;
    return this.#allowsResource(asked.resource, asked.subresource);
  }

  #allowsResource(resource: string, subresource: string): boolean {
    if (subresource === '') return this.#resources.has(resource);
    if (this.#resources.has(`${resource}/${subresource}`)) return true;
    return !this.#resources.any && this.#resources.has(`*/${subresource}`);
  }
}

class Matcher {
  readonly any: boolean;
  readonly #values: readonly string[];

  constructor(values: readonly string[] | undefined) {
    this.#values = values ?? [];
    this.any = this.#values.includes('*');
  }

  // Rules name a handful of values, where looking through an array beats hashing.
  has(value: string): boolean {
    return this.any || this.#values.includes(value);
  }
}

function pathMatches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true;
  return pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1));
}

/** The rules among `wanted` that `owned` do not cover: what somebody may not grant. */
export function rulesNotCovered(owned: readonly CompiledRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted
    .flatMap((rule) => [...breakDown(rule)])
    .filter((rule) => !owned.some((owner) => covers(owner.source, rule)));
}

/** One verb, group, resource and name a rule, as k8s.io/component-helpers/auth/rbac/validation.BreakdownRule. */
function* breakDown(rule: PolicyRule): Iterable<PolicyRule> {
  for (const verb of rule.verbs) {
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const one = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if ((rule.resourceNames ?? []).length === 0) yield one;
        for (const name of rule.resourceNames ?? []) yield { ...one, resourceNames: [name] };
      }
    }
    for (const path of rule.nonResourceURLs ?? []) yield { verbs: [verb], nonResourceURLs: [path] };
  }
}

function covers(owner: PolicyRule, one: PolicyRule): boolean {
  if (!includes(owner.verbs, one.verbs[0])) return false;
  const path = one.nonResourceURLs?.[0];
  if (path !== undefined) return (owner.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path));
  const resource = one.resources?.[0] ?? '';
  const slash = resource.indexOf('/');
  const hasResource =
    includes(owner.resources, resource) || (slash > 0 && (owner.resources ?? []).includes(`*${resource.slice(slash)}`));
  if (!hasResource || !includes(owner.apiGroups, one.apiGroups?.[0])) return false;
  const names = owner.resourceNames ?? [];
  const name = one.resourceNames?.[0];
  return names.length === 0 || (name !== undefined && names.includes(name));
}

function includes(values: readonly string[] | undefined, value: string | undefined): boolean {
  return values !== undefined && (values.includes('*') || (value !== undefined && values.includes(value)));
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}`, one line a rule, same rest joined by verb. */
export function formatRules(rules: readonly PolicyRule[]): string {
  const verbsByRest = new Map<string, string[]>();
  for (const rule of rules) {
    const parts: [string, readonly string[]][] = [
      ['APIGroups', rule.apiGroups ?? []],
      ['Resources', rule.resources ?? []],
      ['ResourceNames', rule.resourceNames ?? []],
      ['NonResourceURLs', rule.nonResourceURLs ?? []],
    ];
    const rest = parts
      .filter(([, values]) => values.length > 0)
      .map(([label, values]) => `${label}:${formatStrings(values)}`)
      .join(', ');
    verbsByRest.set(rest, [...(verbsByRest.get(rest) ?? []), ...rule.verbs]);
  }
  return [...verbsByRest]
    .map(([rest, verbs]) => `{${rest}, Verbs:${formatStrings(verbs)}}`)
    .sort()
    .join('\n');
}

/** As Go prints a list of quoted strings: `["a" "b"]`. */
export function formatStrings(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}
