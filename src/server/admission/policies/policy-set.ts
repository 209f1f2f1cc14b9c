import type {
  MatchResources,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
} from '../../../api/admissionregistration/v1/types.generated.ts';
import type { Selector } from '../../../machinery/labels.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import type { ObjectAccess } from '../../contract.ts';
import type { AdmissionAttributes } from '../../request.ts';
import { type RuleSet, ruleMatches } from '../matching/rules.ts';
import { compileSelector, isAdmissionConfiguration } from '../matching/selectors.ts';

const group = 'admissionregistration.k8s.io';

/** Which requests a policy or a binding is about. */
export interface Constraints {
  readonly rules: RuleSet;
  readonly namespaceSelector: Selector;
  readonly objectSelector: Selector;
}

/** A policy in the form its plugin works with, or why there is none. */
export interface CompiledPolicy<C> {
  readonly name: string;
  readonly constraints: Constraints;
  readonly ignoresFailure: boolean;
  readonly paramKind: ParamKind | undefined;
  /** Compiled on first use: most policies never see most requests. */
  readonly content: () => C;
  readonly object: UnknownObject;
}

export interface CompiledBinding {
  readonly name: string;
  readonly policyName: string;
  /** Narrows the policy's own; undefined: does not. */
  readonly constraints: Constraints | undefined;
  readonly paramRef: ParamRef | undefined;
  readonly actions: readonly string[];
}

interface PolicySpec {
  readonly failurePolicy?: string;
  readonly matchConstraints?: MatchResources;
  readonly paramKind?: ParamKind;
}

interface BindingSpec {
  readonly policyName?: string;
  readonly matchResources?: MatchResources;
  readonly paramRef?: ParamRef;
  readonly validationActions?: string[];
}

const anything: NamedRuleWithOperations = {
  operations: ['*'],
  apiGroups: ['*'],
  apiVersions: ['*'],
  resources: ['*/*'],
};

/** The policies of one kind with their bindings, kept ready as they change. */
export class PolicySet<C> {
  readonly #policies = new Map<string, CompiledPolicy<C>>();
  readonly #bindings = new Map<string, CompiledBinding>();
  readonly #handled = new Map<string, boolean>();
  readonly #stops: readonly (() => void)[];
  #bound: readonly { policy: CompiledPolicy<C>; bindings: readonly CompiledBinding[] }[] = [];

  constructor(kind: 'validating' | 'mutating', objects: ObjectAccess, compile: (policy: UnknownObject) => C) {
    const policies = { group, resource: `${kind}admissionpolicies` };
    const bindings = { group, resource: `${kind}admissionpolicybindings` };
    const takePolicy = (object: UnknownObject): void => {
      this.#policies.set(object.metadata.name, compiledPolicy(object, compile));
    };
    const takeBinding = (object: UnknownObject): void => {
      this.#bindings.set(object.metadata.name, compiledBinding(object));
    };
    this.#stops = [
      objects.onChange(policies, ({ type, name, object }) => {
        if (type === 'put') takePolicy(object);
        else this.#policies.delete(name);
        this.#join();
      }),
      objects.onChange(bindings, ({ type, name, object }) => {
        if (type === 'put') takeBinding(object);
        else this.#bindings.delete(name);
        this.#join();
      }),
    ];
    for (const object of objects.list(policies)) takePolicy(object);
    for (const object of objects.list(bindings)) takeBinding(object);
    this.#join();
  }

  /** Policies that are bound, by name, each with its bindings by name. A policy without binding does nothing. */
  get bound(): readonly { policy: CompiledPolicy<C>; bindings: readonly CompiledBinding[] }[] {
    return this.#bound;
  }

  /** Whether any policy might be about such a request, whatever its version, namespace and labels. */
  handle(asked: Pick<AdmissionAttributes, 'operation' | 'group' | 'resource' | 'subresource'>): boolean {
    if (this.#bound.length === 0 || isAdmissionConfiguration(asked)) return false;
    const id = `${asked.operation} ${asked.group}/${asked.resource}/${asked.subresource}`;
    let handled = this.#handled.get(id);
    if (handled === undefined) {
      handled = this.#bound.some(({ policy }) => mayMatch(policy.constraints.rules, asked));
      this.#handled.set(id, handled);
    }
    return handled;
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #join(): void {
    this.#handled.clear();
    const byName = <T extends { name: string }>(a: T, b: T): number => (a.name < b.name ? -1 : 1);
    const bindings = [...this.#bindings.values()].sort(byName);
    this.#bound = [...this.#policies.values()]
      .sort(byName)
      .map((policy) => ({ policy, bindings: bindings.filter(({ policyName }) => policyName === policy.name) }))
      .filter((joined) => joined.bindings.length > 0);
  }
}

function mayMatch(
  { rules, matchPolicy }: RuleSet,
  asked: Pick<AdmissionAttributes, 'operation' | 'group' | 'resource' | 'subresource'>,
): boolean {
  return rules.some((rule) => {
    // An equivalent version may be of another group.
    const apiGroups = matchPolicy === 'Exact' ? (rule.apiGroups ?? []) : ['*'];
    const loose = { operations: rule.operations ?? [], resources: rule.resources ?? [], apiGroups, apiVersions: ['*'] };
    return ruleMatches(loose, { ...asked, version: '', namespace: '', name: '' });
  });
}

function compiledPolicy<C>(object: UnknownObject, compile: (policy: UnknownObject) => C): CompiledPolicy<C> {
  const spec = (object['spec'] ?? {}) as PolicySpec;
  let content: C | undefined;
  return {
    name: object.metadata.name,
    constraints: constraintsOf(spec.matchConstraints ?? {}),
    ignoresFailure: spec.failurePolicy === 'Ignore',
    paramKind: spec.paramKind,
    content: () => {
      content ??= compile(object);
      return content;
    },
    object,
  };
}

function compiledBinding(object: UnknownObject): CompiledBinding {
  const spec = (object['spec'] ?? {}) as BindingSpec;
  const { matchResources } = spec;
  return {
    name: object.metadata.name,
    policyName: spec.policyName ?? '',
    constraints:
      matchResources === undefined
        ? undefined
        : constraintsOf({
            ...matchResources,
            // A binding that names no resources is about all of the policy's.
            resourceRules:
              (matchResources.resourceRules ?? []).length > 0 ? (matchResources.resourceRules ?? []) : [anything],
          }),
    paramRef: spec.paramRef,
    actions: spec.validationActions ?? [],
  };
}

function constraintsOf(match: MatchResources): Constraints {
  return {
    rules: {
      rules: match.resourceRules ?? [],
      excluded: match.excludeResourceRules ?? [],
      matchPolicy: match.matchPolicy,
    },
    namespaceSelector: compileSelector(match.namespaceSelector),
    objectSelector: compileSelector(match.objectSelector),
  };
}
