import type { ClusterRole, ClusterRoleBinding, PolicyRule, Subject } from '../../api/rbac/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { CompiledRule, rulesNotCovered } from '../authorization/rules.ts';
import type { ObjectAccess } from '../contract.ts';
import { ensureObject } from './ensure.ts';
import { policyText } from './policy-text.ts';

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;
const aggregateLabel = (aggregate: string): string => `${group}/aggregate-to-${aggregate}`;
const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate';

type Role = ClusterRole & { [field: string]: unknown };
type Binding = ClusterRoleBinding & { [field: string]: unknown };

export interface Policy {
  readonly roles: readonly Role[];
  readonly bindings: readonly Binding[];
}

/**
 * Creates the default roles and bindings, and gives back to those that are there what they have lost, unless their
 * autoupdate annotation says `false`. What an operator added stays.
 */
export async function ensurePolicy(objects: ObjectAccess): Promise<void> {
  const { roles, bindings } = parsePolicy(policyText);
  await Promise.all([
    ...roles.map((role) =>
      ensureObject(objects, { group, resource: roleResource(role) }, role, (kept) => repairRole(kept, role)),
    ),
    ...bindings.map((binding) => ensureBinding(objects, binding)),
  ]);
  await sumAggregates(objects);
}

function roleResource({ metadata }: Role): string {
  return metadata.namespace === undefined ? 'clusterroles' : 'roles';
}

function isUpdatable({ metadata }: UnknownObject): boolean {
  return metadata.annotations?.[autoupdate] !== 'false';
}

function repairRole(kept: UnknownObject, wanted: Role): boolean {
  if (!isUpdatable(kept)) return false;
  const role = as<ClusterRole>(kept);
  const changedLabels = addMissing(kept, wanted);
  if (wanted.aggregationRule !== undefined) {
    if (role.aggregationRule !== undefined) return changedLabels;
    role.aggregationRule = wanted.aggregationRule;
    return true;
  }
  const owned = (role.rules ?? []).map((rule) => new CompiledRule(rule));
  const missing = rulesNotCovered(owned, wanted.rules ?? []);
  if (missing.length === 0) return changedLabels;
  role.rules = [...(role.rules ?? []), ...missing];
  return true;
}

function addMissing(kept: UnknownObject, wanted: UnknownObject): boolean {
  let changed = false;
  for (const field of ['labels', 'annotations'] as const) {
    for (const [key, value] of Object.entries(wanted.metadata[field] ?? {})) {
      if (kept.metadata[field]?.[key] !== undefined) continue;
      kept.metadata[field] = { ...kept.metadata[field], [key]: value };
      changed = true;
    }
  }
  return changed;
}

/** A binding's role cannot change, so one that points elsewhere is replaced. */
async function ensureBinding(objects: ObjectAccess, wanted: Binding): Promise<void> {
  const { namespace = '', name } = wanted.metadata;
  const of = { group, resource: namespace === '' ? 'clusterrolebindings' : 'rolebindings' };
  const kept = objects.get(of, namespace, name);
  if (kept !== undefined && isUpdatable(kept)) {
    const { roleRef } = as<ClusterRoleBinding>(kept);
    const isSame = roleRef.kind === wanted.roleRef.kind && roleRef.name === wanted.roleRef.name;
    if (!isSame) await objects.delete(of, namespace, name);
  }
  await ensureObject(objects, of, wanted, (found) => {
    if (!isUpdatable(found)) return false;
    const binding = as<ClusterRoleBinding>(found);
    const changedLabels = addMissing(found, wanted);
    const has = new Set((binding.subjects ?? []).map(subjectText));
    const missing = (wanted.subjects ?? []).filter((subject) => !has.has(subjectText(subject)));
    if (missing.length === 0) return changedLabels;
    binding.subjects = [...(binding.subjects ?? []), ...missing];
    return true;
  });
}

function subjectText({ kind, namespace, name }: Subject): string {
  return `${kind}/${namespace ?? ''}/${name}`;
}

/** admin, edit and view hold their rules from the first moment; later changes are the aggregation controller's. */
async function sumAggregates(objects: ObjectAccess): Promise<void> {
  const of = { group, resource: 'clusterroles' };
  // In order of nesting: view is part of edit, and edit of admin.
  for (const aggregate of ['view', 'edit', 'admin']) {
    const label = aggregateLabel(aggregate);
    const parts = objects
      .list(of)
      .filter(({ metadata }) => metadata.labels?.[label] === 'true')
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    const rules: PolicyRule[] = [];
    const seen = new Set<string>();
    for (const part of parts) {
      const fresh = await objects.getFresh(of, '', part.metadata.name);
      for (const rule of fresh === undefined ? [] : (as<ClusterRole>(fresh).rules ?? [])) {
        const text = JSON.stringify(rule);
        if (!seen.has(text)) rules.push(rule);
        seen.add(text);
      }
    }
    await objects.modify(of, '', aggregate, (kept) => {
      const role = as<ClusterRole>(kept);
      const isSame = JSON.stringify(role.rules ?? []) === JSON.stringify(rules);
      if (isSame || role.aggregationRule === undefined) return false;
      role.rules = rules;
      return true;
    });
  }
}

/** Reads the text form that `policy-text.ts` describes. Throws on a line it does not understand, which is a bug there. */
export function parsePolicy(text: string): Policy {
  const roles: Role[] = [];
  const bindings: Binding[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const words = line.trim().split(' ');
    if (line.startsWith('role ')) roles.push(parseRole(words));
    else if (line.startsWith('binding ')) bindings.push(parseBinding(words));
    else if (line.startsWith('  ')) roles.at(-1)?.rules?.push(parseRule(words));
    else throw new Error(`Cannot read the policy line ${JSON.stringify(line)}`);
  }
  return { roles, bindings };
}

function metadataOf(namespace: string, name: string, labels: Record<string, string> = {}): ClusterRole['metadata'] {
  return {
    name,
    ...(namespace === '-' ? {} : { namespace }),
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { [autoupdate]: 'true' },
  };
}

function parseRole([, namespace = '-', name = '', ...options]: string[]): Role {
  const labels: Record<string, string> = {};
  let sums: string | undefined;
  for (const option of options) {
    const [key = '', value = ''] = option.split('=');
    if (key === 'part-of') labels[aggregateLabel(value)] = 'true';
    else if (key === 'sums') sums = value;
  }
  const kind = namespace === '-' ? 'ClusterRole' : 'Role';
  const role: Role = { apiVersion, kind, metadata: metadataOf(namespace, name, labels), rules: [] };
  if (sums === undefined) return role;
  return { ...role, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregateLabel(sums)]: 'true' } }] } };
}

function parseRule([verbs = '', groups = '', what = '', names]: string[]): PolicyRule {
  const list = (words: string): string[] => words.split(',');
  if (groups === 'url') return { verbs: list(verbs), nonResourceURLs: list(what) };
  return {
    verbs: list(verbs),
    apiGroups: list(groups).map((one) => (one === 'core' ? '' : one)),
    resources: list(what),
    ...(names === undefined ? {} : { resourceNames: list(names) }),
  };
}

function parseBinding([, namespace = '-', name = '', role = '', ...subjects]: string[]): Binding {
  const colon = role.indexOf(':');
  return {
    apiVersion,
    kind: namespace === '-' ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: metadataOf(namespace, name),
    subjects: subjects.map(parseSubject),
    roleRef: { apiGroup: group, kind: role.slice(0, colon), name: role.slice(colon + 1) },
  };
}

function parseSubject(word: string): Subject {
  const name = word.slice(2);
  if (word.startsWith('g=')) return { kind: 'Group', apiGroup: group, name };
  if (word.startsWith('u=')) return { kind: 'User', apiGroup: group, name };
  const [namespace = '', account = ''] = name.split('/');
  return { kind: 'ServiceAccount', namespace, name: account };
}
