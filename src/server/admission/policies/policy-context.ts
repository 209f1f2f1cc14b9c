import type { ParamKind, ParamRef } from '../../../api/admissionregistration/v1/types.generated.ts';
import type { ResourceDefinition } from '../../../api/resource.ts';
import { selectorOf } from '../../../machinery/labels.ts';
import { parseGroupVersion, type UnknownObject } from '../../../machinery/meta.ts';
import type { ObjectAccess, RowCatalog } from '../../contract.ts';
import type { AdmissionAttributes, Authorizer } from '../../request.ts';
import { Equivalents, type MatchedAs, matchRules } from '../matching/rules.ts';
import { isNamespace, namespaceMatches, objectMatches } from '../matching/selectors.ts';
import { type ShownObjects, shownAs } from '../matching/shown-objects.ts';
import { Evaluation, type ExpressionCompiler } from './expressions.ts';
import type { CompiledBinding, Constraints } from './policy-set.ts';

const namespaces = { group: '', resource: 'namespaces' };

export interface PolicyNeeds {
  readonly objects: ObjectAccess;
  readonly rows: RowCatalog;
  readonly authorizer: Authorizer;
}

/** What both kinds of policies need of the server to judge a request. */
export class PolicyContext {
  readonly #needs: PolicyNeeds;
  readonly #equivalents: Equivalents;

  constructor(needs: PolicyNeeds) {
    this.#needs = needs;
    this.#equivalents = new Equivalents(needs.rows);
  }

  get rows(): RowCatalog {
    return this.#needs.rows;
  }

  /** The version in which the constraints know the request; undefined: they are not about it. */
  async match({ rules, namespaceSelector, objectSelector }: Constraints, attributes: AdmissionAttributes) {
    const as = matchRules(rules, attributes, (subject) => this.#equivalents.of(subject));
    if (as === undefined) return undefined;
    if (!(await namespaceMatches(namespaceSelector, attributes, this.#needs.objects))) return undefined;
    return objectMatches(objectSelector, attributes) ? as : undefined;
  }

  shown(as: MatchedAs, attributes: AdmissionAttributes): Promise<ShownObjects> {
    return shownAs(as, attributes, this.#needs.rows);
  }

  evaluation(
    attributes: AdmissionAttributes,
    shown: ShownObjects,
    more: { readonly variables: ExpressionCompiler['variables']; readonly params: unknown },
  ): Evaluation {
    const { authorizer } = this.#needs;
    return new Evaluation({ attributes, shown, authorizer, ...more, namespaceObject: this.#namespaceOf(attributes) });
  }

  /**
   * The objects that a binding brings to its policy; one undefined where there is nothing to bring. Throws an Error
   * where what must be there is not.
   */
  params(
    paramKind: ParamKind | undefined,
    { paramRef }: CompiledBinding,
    attributes: AdmissionAttributes,
  ): readonly (UnknownObject | undefined)[] {
    if (paramKind === undefined || paramRef === undefined) return [undefined];
    const row = this.#rowOf(paramKind);
    if (row === undefined) {
      throw new Error(
        `failed to find resource referenced by paramKind: '${paramKind.apiVersion ?? ''}, Kind=${paramKind.kind ?? ''}'`,
      );
    }
    const found = this.#find(row, paramRef, attributes);
    if (found.length > 0) return found;
    if (paramRef.parameterNotFoundAction === 'Allow') return [];
    throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  }

  #find(row: ResourceDefinition, { name, namespace, selector }: ParamRef, attributes: AdmissionAttributes) {
    if (!row.namespaced && namespace !== undefined && namespace !== '') {
      throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
    }
    const where = row.namespaced ? (namespace ?? '') || attributes.namespace : '';
    if (row.namespaced && where === '') {
      throw new Error("can't use namespaced paramRef to match cluster-scoped resources");
    }
    const { objects } = this.#needs;
    if (name !== undefined && name !== '') {
      const object = objects.get(row, where, name);
      return object === undefined ? [] : [object];
    }
    const labels = selectorOf(selector ?? {});
    return objects.list(row, where).filter(({ metadata }) => labels.matches(metadata.labels));
  }

  #rowOf({ apiVersion = '', kind }: ParamKind): ResourceDefinition | undefined {
    const { group, version } = parseGroupVersion(apiVersion);
    for (const row of this.#needs.rows.all()) {
      if (row.kind === kind && row.group === group && row.version === version && row.virtual !== true) return row;
    }
    return undefined;
  }

  /** A namespace is not in itself. */
  #namespaceOf(attributes: AdmissionAttributes): unknown {
    if (attributes.namespace === '' || isNamespace(attributes)) return null;
    return this.#needs.objects.get(namespaces, '', attributes.namespace) ?? null;
  }
}
