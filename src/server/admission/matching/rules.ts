import type { NamedRuleWithOperations } from '../../../api/admissionregistration/v1/types.generated.ts';
import type { ResourceDefinition } from '../../../api/resource.ts';
import type { RowCatalog } from '../../contract.ts';
import type { AdmissionAttributes } from '../../request.ts';

/** What a rule is asked about. */
export interface RuleSubject {
  readonly operation: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

/** As k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules.Matcher. */
export function ruleMatches(rule: NamedRuleWithOperations, subject: RuleSubject): boolean {
  return (
    scopeMatches(rule, subject) &&
    includes(rule.operations, subject.operation) &&
    includes(rule.apiGroups, subject.group) &&
    includes(rule.apiVersions, subject.version) &&
    resourceMatches(rule.resources, subject) &&
    ((rule.resourceNames?.length ?? 0) === 0 || rule.resourceNames?.includes(subject.name) === true)
  );
}

function includes(values: readonly string[] | undefined, value: string): boolean {
  return values?.some((candidate) => candidate === '*' || candidate === value) === true;
}

function scopeMatches({ scope }: NamedRuleWithOperations, { group, resource, namespace }: RuleSubject): boolean {
  const isNamespaceObject = group === '' && resource === 'namespaces';
  if (scope === 'Namespaced') return namespace !== '' && !isNamespaceObject;
  if (scope === 'Cluster') return namespace === '' || isNamespaceObject;
  return true;
}

/** `pods`, `pods/exec`, every subresource of pods, one subresource of everything, or `*`: all but subresources. */
function resourceMatches(resources: readonly string[] | undefined, { resource, subresource }: RuleSubject): boolean {
  return (
    resources?.some((pattern) => {
      const slash = pattern.indexOf('/');
      const [wanted, part] = slash < 0 ? [pattern, ''] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
      return (wanted === '*' || wanted === resource) && (part === '*' || part === subresource);
    }) === true
  );
}

/** The resource in whose version a webhook or policy is shown a request. */
export type MatchedAs = Pick<ResourceDefinition, 'group' | 'version' | 'resource' | 'kind'>;

export interface RuleSet {
  readonly rules: readonly NamedRuleWithOperations[];
  readonly excluded?: readonly NamedRuleWithOperations[];
  /** Default `Equivalent`. */
  readonly matchPolicy?: string | undefined;
}

/** The version that the rules know of what is asked, the request's own first; undefined for no match. */
export function matchRules(
  set: RuleSet,
  attributes: AdmissionAttributes,
  equivalents: (attributes: AdmissionAttributes) => readonly ResourceDefinition[],
): MatchedAs | undefined {
  if (set.excluded?.some((rule) => ruleMatches(rule, attributes)) === true) return undefined;
  if (set.rules.some((rule) => ruleMatches(rule, attributes))) return attributes;
  if (set.matchPolicy === 'Exact') return undefined;
  const others = equivalents(attributes);
  const under = (row: ResourceDefinition): RuleSubject => ({
    operation: attributes.operation,
    group: row.group,
    version: row.version,
    resource: row.resource,
    subresource: attributes.subresource,
    namespace: attributes.namespace,
    name: attributes.name,
  });
  for (const row of others) {
    const subject = under(row);
    if (set.excluded?.some((rule) => ruleMatches(rule, subject)) === true) return undefined;
  }
  return others.find((row) => {
    const subject = under(row);
    return set.rules.some((rule) => ruleMatches(rule, subject));
  });
}

/** The other rows under which the same objects are served. Remembered until rows come or go. */
export class Equivalents {
  readonly #rows: RowCatalog;
  readonly #known = new Map<string, readonly ResourceDefinition[]>();
  #generation = -1;

  constructor(rows: RowCatalog) {
    this.#rows = rows;
  }

  of(subject: { group: string; version: string; resource: string }): readonly ResourceDefinition[] {
    if (this.#generation !== this.#rows.generation) {
      this.#known.clear();
      this.#generation = this.#rows.generation;
    }
    const id = `${subject.group}/${subject.version}/${subject.resource}`;
    let found = this.#known.get(id);
    if (found === undefined) {
      found = this.#find(subject);
      this.#known.set(id, found);
    }
    return found;
  }

  #find(subject: { group: string; version: string; resource: string }): readonly ResourceDefinition[] {
    const own = this.#rows.find(subject.group, subject.version, subject.resource);
    if (own === undefined) return [];
    const home = homeOf(own);
    return [...this.#rows.all()].filter((row) => row !== own && row.virtual !== true && homeOf(row) === home);
  }
}

/** The key under which the objects of a row are stored. */
function homeOf(row: ResourceDefinition): string {
  const { group, resource } = row.storedAs ?? row;
  return `${group}/${resource}`;
}
