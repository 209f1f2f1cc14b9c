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

const noBindings: ReadonlyMap<string, ReadonlySet<Binding>> = new Map();

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
    return noOpinion;
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
    yield* this.#rulesIn(this.#bySubject.get('') ?? noBindings, user);
    if (namespace !== '') yield* this.#rulesIn(this.#bySubject.get(namespace) ?? noBindings, user);
  }

  *#rulesIn(bindings: ReadonlyMap<string, ReadonlySet<Binding>>, user: UserInfo): Iterable<readonly CompiledRule[]> {
    if (bindings.size === 0) return;
    yield* this.#rulesOfAll(bindings.get(`u:${user.name}`));
    for (const name of user.groups) yield* this.#rulesOfAll(bindings.get(`g:${name}`));
  }

  *#rulesOfAll(bindings: ReadonlySet<Binding> | undefined): Iterable<readonly CompiledRule[]> {
    if (bindings === undefined) return;
    for (const { roleRef, namespace } of bindings) {
      const rules = this.rulesOfRole(roleRef, namespace);
      if (rules !== undefined) yield rules;
    }
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
