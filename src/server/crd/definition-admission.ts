import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  ValidationRule,
} from '../../api/apiextensions/v1/types.generated.ts';
import {
  type FieldPath,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  specPath,
} from '../../api/field-errors.ts';
import { as } from '../../api/resource.ts';
import { equal } from '../../machinery/json.ts';
import { type FieldError, invalid } from '../../machinery/status-error.ts';
import type { CelType } from '../cel/types.ts';
import type { AdmissionPlugin } from '../request.ts';
import { pruneCustomResource } from './pruning.ts';
import { compileSchema, type SchemaNode } from './schema-node.ts';
import { validateValue } from './value-validation.ts';

/** Upstream's limits of what a rule, and all rules of a schema together, may be estimated to cost. */
const ruleCostMax = 10_000_000;
const schemaCostMax = 100_000_000;
const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

type RuleTools = typeof import('./rule-programs.ts') & typeof import('./cel-types.ts');

/**
 * What the rows of CustomResourceDefinitions cannot check for themselves: whether defaults fit their own schema, and
 * whether rules compile and are affordable, for which the evaluator is loaded.
 */
export function definitionRules(): AdmissionPlugin {
  return {
    name: 'CustomResourceDefinitionRules',
    handles: ({ group, resource, subresource, operation }) =>
      resource === 'customresourcedefinitions' &&
      group === 'apiextensions.k8s.io' &&
      subresource === '' &&
      (operation === 'CREATE' || operation === 'UPDATE'),
    async validate({ object, oldObject, name }) {
      if (object === undefined || equal(object['spec'], oldObject?.['spec'])) return;
      const definition = as<CustomResourceDefinition>(object);
      const errors: FieldError[] = [];
      for (const [index, version] of definition.spec.versions.entries()) {
        await checkVersion(errors, specPath.at('versions', index).child('schema').child('openAPIV3Schema'), version);
      }
      if (errors.length > 0) {
        throw invalid(
          { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition' },
          name || object.metadata.name,
          errors,
        );
      }
    },
  };
}

async function checkVersion(
  errors: FieldError[],
  path: FieldPath,
  { schema }: CustomResourceDefinitionVersion,
): Promise<void> {
  const written = schema?.openAPIV3Schema;
  if (written === undefined) return;
  const root = compileSchema(written);
  checkDefaults(errors, path, root);
  if (!root.hasRules) return;
  const tools: RuleTools = { ...(await import('./rule-programs.ts')), ...(await import('./cel-types.ts')) };
  const check = new RuleChecker(errors, tools);
  check.visit(path, root, { isResource: true, times: 1, uncorrelated: undefined });
  if (check.total > schemaCostMax) {
    const detail = `x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of ${factor(check.total / schemaCostMax)} (try simplifying the rule(s), or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
    errors.push(forbiddenField(path, detail));
  }
}

/** A default is pruned by, and holds, the schema it stands in. */
function checkDefaults(errors: FieldError[], path: FieldPath, node: SchemaNode): void {
  if (!node.hasDefaults) return;
  if (node.defaultValue !== undefined) {
    const at = path.child('default');
    const copy = structuredClone({ value: node.defaultValue });
    const holder: SchemaNode = { ...node, properties: new Map([['value', node]]), preserveUnknown: false };
    if (pruneCustomResource(copy, holder)) {
      errors.push(invalidValue(at, node.defaultValue, 'must not have unknown fields'));
    }
    errors.push(...validateValue(node.defaultValue, node, at.toString()));
  }
  for (const [name, property] of node.properties) checkDefaults(errors, path.child('properties').key(name), property);
  if (node.items !== undefined) checkDefaults(errors, path.child('items'), node.items);
  if (node.additional !== undefined) checkDefaults(errors, path.child('additionalProperties'), node.additional);
}

interface Place {
  readonly isResource: boolean;
  /** How often rules here may run in one object. */
  readonly times: number;
  /** The list whose items cannot be told from one another, so that what was before is not known. */
  readonly uncorrelated: FieldPath | undefined;
}

class RuleChecker {
  readonly #errors: FieldError[];
  readonly #tools: RuleTools;
  total = 0;

  constructor(errors: FieldError[], tools: RuleTools) {
    this.#errors = errors;
    this.#tools = tools;
  }

  visit(path: FieldPath, node: SchemaNode, place: Place): void {
    if (!node.hasRules) return;
    if (node.rules.length > 0) {
      const self = this.#tools.celTypeOf(node, place.isResource);
      node.rules.forEach((rule, index) => {
        this.#checkRule(path.at('x-kubernetes-validations', index), rule, self, place);
      });
    }
    for (const [name, property] of node.properties) {
      this.visit(path.child('properties').key(name), property, { ...place, isResource: property.embedded });
    }
    const { items, additional } = node;
    const times = place.times * this.#tools.itemsMax(node);
    if (items !== undefined) {
      const uncorrelated = node.listType === 'map' ? place.uncorrelated : (place.uncorrelated ?? path);
      this.visit(path.child('items'), items, { isResource: items.embedded, times, uncorrelated });
    }
    if (additional !== undefined) {
      this.visit(path.child('additionalProperties'), additional, { ...place, isResource: additional.embedded, times });
    }
  }

  #checkRule(path: FieldPath, rule: ValidationRule, self: CelType, { times, uncorrelated }: Place): void {
    const errors = this.#errors;
    const { message, reason, messageExpression } = rule;
    if ((rule.rule ?? '').trim() === '') {
      errors.push(required(path.child('rule'), 'rule is not specified'));
      return;
    }
    if (message !== undefined && message !== '' && message.trim() === '') {
      errors.push(invalidValue(path.child('message'), message, 'message must be non-empty if specified'));
    }
    if (message?.trim().includes('\n') === true) {
      errors.push(invalidValue(path.child('message'), message, 'message must not contain line breaks'));
    }
    if (reason !== undefined && !reasons.includes(reason))
      errors.push(notSupported(path.child('reason'), reason, reasons));
    try {
      this.#tools.fieldNames(rule.fieldPath);
    } catch (error) {
      const detail = `fieldPath must be a valid path: ${error instanceof Error ? error.message : String(error)}`;
      errors.push(invalidValue(path.child('fieldPath'), rule.fieldPath, detail));
      return;
    }
    try {
      const { messageExpression: _, ...withoutMessage } = rule;
      const compiled = this.#tools.compileRule(withoutMessage, self);
      this.#checkCost(path.child('rule'), compiled.program.estimatedCost * times);
      if (compiled.isTransition && uncorrelated !== undefined) {
        const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`;
        errors.push(invalidValue(path.child('rule'), rule.rule, detail));
      }
    } catch (error) {
      errors.push(invalidValue(path.child('rule'), rule, error instanceof Error ? error.message : String(error)));
      return;
    }
    if (messageExpression === undefined || messageExpression === '') return;
    try {
      const { estimatedCost } = this.#tools.compileMessage(rule, self);
      this.#checkCost(path.child('messageExpression'), estimatedCost * times);
    } catch (error) {
      const detail = `messageExpression ${error instanceof Error ? error.message : String(error)}`;
      errors.push(invalidValue(path.child('messageExpression'), rule, detail));
    }
  }

  #checkCost(path: FieldPath, cost: number): void {
    this.total += cost;
    if (cost <= ruleCostMax) return;
    const detail = `estimated rule cost exceeds budget by factor of ${factor(cost / ruleCostMax)} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
    this.#errors.push(forbiddenField(path, detail));
  }
}

function factor(times: number): string {
  return times > 100 ? 'more than 100x' : `${times.toFixed(1)}x`;
}
