import type { ClusterRole, ClusterRoleBinding, RoleBinding, Subject } from '../../api/rbac/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { ObjectAccess, ObjectChange } from '../contract.ts';
import type { Authorizer, UserInfo } from '../request.ts';
import { CompiledRule } from './rules.ts';

const group = 'rbac.authorization.k8s.io';

interface RoleRef {
  readonly kind: string;
  readonly name: string;
}

interface Binding {
  readonly roleRef: RoleRef;
  readonly subjects: readonly string[];
  /** `''` for a ClusterRoleBinding. */
  readonly namespace: string;
}

/**
 * Roles and bindings, indexed by subject and kept by the changes of the four kinds, so that a request asks only the
 * bindings that name its user or one of its groups.
 */
export class Rbac implements Authorizer {
  readonly name = 'RBAC';
  /** `namespace/name` -> rules; a ClusterRole has the namespace `''`. */
  readonly #roles = new Map<string, readonly CompiledRule[]>();
  readonly #bindings = new Map<string, Binding>();
  /** namespace -> subject -> bindings. */
  readonly #bySubject = new Map<string, Map<string, Set<Binding>>>();
  readonly #stops: (() => void)[] = [];

  constructor(objects: ObjectAccess) {
    for (const resource of ['clusterroles', 'roles']) this.#follow(objects, resource, (change) => this.#role(change));
    for (const resource of ['clusterrolebindings', 'rolebindings']) {
      this.#follow(objects, resource, (change) => this.#binding(change));
    }
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  async authorize(attributes: Parameters<Authorizer['authorize']>[0]): ReturnType<Authorizer['authorize']> {
    if (attributes.user.groups.includes('system:masters')) return allowed;
    for (const rules of this.#rulesFor(attributes.user, attributes.namespace)) {
      for (const rule of rules) if (rule.allows(attributes)) return allowed;
    }
    const missing = this.#missingRoles(attributes.user, attributes.namespace);
    return missing === '' ? noOpinion : { decision: 'noOpinion', reason: `RBAC: ${missing}` };
  }

  /** What a refusal says of bindings that point nowhere: the usual reason why one that looks right does nothing. */
  #missingRoles(user: UserInfo, namespace: string): string {
    const missing = new Set<string>();
    for (const { roleRef, namespace: from } of this.#bindingsFor(user, namespace)) {
      if (this.rulesOfRole(roleRef, from) !== undefined) continue;
      missing.add(`${roleRef.kind.toLowerCase()}.${group} ${JSON.stringify(roleRef.name)} not found`);
    }
    const all = [...missing].join(', ');
    return missing.size > 1 ? `[${all}]` : all;
  }

  /** Every rule that holds for `user` in `namespace` (`''`: cluster-wide only). */
  rulesOf(user: UserInfo, namespace: string): CompiledRule[] {
    return [...this.#rulesFor(user, namespace)].flat();
  }

  /** The rules of a role that a binding in `namespace` refers to; undefined when there is no such role. */
  rulesOfRole({ kind, name }: RoleRef, namespace: string): readonly CompiledRule[] | undefined {
    return this.#roles.get(kind === 'ClusterRole' ? `/${name}` : `${namespace}/${name}`);
  }

  *#rulesFor(user: UserInfo, namespace: string): Iterable<readonly CompiledRule[]> {
    for (const { roleRef, namespace: from } of this.#bindingsFor(user, namespace)) {
      const rules = this.rulesOfRole(roleRef, from);
      if (rules !== undefined) yield rules;
    }
  }

  *#bindingsFor(user: UserInfo, namespace: string): Iterable<Binding> {
    yield* this.#bindingsIn('', user);
    if (namespace !== '') yield* this.#bindingsIn(namespace, user);
  }

  *#bindingsIn(namespace: string, user: UserInfo): Iterable<Binding> {
    const bindings = this.#bySubject.get(namespace);
    if (bindings === undefined) return;
    yield* bindings.get(`u:${user.name}`) ?? [];
    for (const name of user.groups) yield* bindings.get(`g:${name}`) ?? [];
  }

  #follow(objects: ObjectAccess, resource: string, apply: (change: ObjectChange) => void): void {
    this.#stops.push(objects.onChange({ group, resource }, apply));
    for (const object of objects.list({ group, resource })) {
      apply({ type: 'put', namespace: object.metadata.namespace ?? '', name: object.metadata.name, object });
    }
  }

  #role({ type, namespace, name, object }: ObjectChange): void {
    const key = `${namespace}/${name}`;
    if (type === 'delete') this.#roles.delete(key);
    else
      this.#roles.set(
        key,
        (as<ClusterRole>(object).rules ?? []).map((rule) => new CompiledRule(rule)),
      );
  }

  #binding({ type, namespace, name, object }: ObjectChange): void {
    const key = `${namespace}/${name}`;
    const old = this.#bindings.get(key);
    if (old !== undefined) this.#unindex(old);
    this.#bindings.delete(key);
    if (type === 'delete') return;
    const binding = readBinding(object, namespace);
    this.#bindings.set(key, binding);
    const index = this.#bySubject.get(namespace) ?? new Map<string, Set<Binding>>();
    this.#bySubject.set(namespace, index);
    for (const subject of binding.subjects) {
      const bindings = index.get(subject) ?? new Set<Binding>();
      index.set(subject, bindings);
      bindings.add(binding);
    }
  }

  #unindex(binding: Binding): void {
    const index = this.#bySubject.get(binding.namespace);
    for (const subject of binding.subjects) {
      const bindings = index?.get(subject);
      bindings?.delete(binding);
      if (bindings?.size === 0) index?.delete(subject);
    }
    if (index?.size === 0) this.#bySubject.delete(binding.namespace);
  }
}

const allowed = { decision: 'allow', reason: '' } as const;
const noOpinion = { decision: 'noOpinion', reason: '' } as const;

function readBinding(object: UnknownObject, namespace: string): Binding {
  const { roleRef, subjects } = as<ClusterRoleBinding | RoleBinding>(object);
  return { roleRef, namespace, subjects: (subjects ?? []).map((subject) => subjectKey(subject, namespace)) };
}

function subjectKey({ kind, name, namespace }: Subject, bindingNamespace: string): string {
  if (kind === 'Group') return `g:${name}`;
  if (kind === 'User') return `u:${name}`;
  return `u:system:serviceaccount:${namespace ?? bindingNamespace}:${name}`;
}
