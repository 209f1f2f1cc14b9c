import { equal, isJsonObject } from '../../machinery/json.ts';
import { type FieldError, fieldErrorMessage } from '../../machinery/status-error.ts';
import { CelBudgetError, CelError } from '../cel/errors.ts';
import { CostBudget } from '../cel/evaluator.ts';
import { fromJson } from '../cel/json-values.ts';
import type { CelType } from '../cel/types.ts';
import { CelOptional, type CelValue, noValue } from '../cel/values.ts';
import { celTypeOf } from './cel-types.ts';
import { compileRule, type RuleProgram } from './rule-programs.ts';
import type { CompiledRules } from './rules.ts';
import type { SchemaNode } from './schema-node.ts';
import { childPath, correlatedItem } from './value-validation.ts';

/** Upstream's limits: of one rule on one value, and of all rules on one object. */
const callCostMax = 1_000_000;
const objectCostMax = 10_000_000;

interface NodeRules {
  readonly type: CelType;
  readonly programs: readonly RuleProgram[];
}

/** A rule that does not compile was refused with its definition; one stored before that fails on every object. */
export function rulesOf(root: SchemaNode): CompiledRules {
  const compiled = new Map<SchemaNode, NodeRules>();
  collect(root, true, compiled);
  return {
    check(object, old) {
      const checker = new ObjectCheck(compiled);
      checker.visit(object, root, '', old);
      return { errors: checker.errors, warnings: checker.warnings };
    },
  };
}

function collect(node: SchemaNode, isResource: boolean, compiled: Map<SchemaNode, NodeRules>): void {
  if (!node.hasRules) return;
  if (node.rules.length > 0) {
    const type = celTypeOf(node, isResource);
    compiled.set(node, { type, programs: node.rules.map((rule) => compileRule(rule, type)) });
  }
  for (const property of node.properties.values()) collect(property, property.embedded, compiled);
  for (const below of [node.items, node.additional]) if (below !== undefined) collect(below, below.embedded, compiled);
}

class OutOfBudget extends Error {}

class ObjectCheck {
  readonly errors: FieldError[] = [];
  readonly warnings: string[] = [];
  readonly #compiled: ReadonlyMap<SchemaNode, NodeRules>;
  readonly #budget = new CostBudget(objectCostMax);
  #isOver = false;

  constructor(compiled: ReadonlyMap<SchemaNode, NodeRules>) {
    this.#compiled = compiled;
  }

  visit(value: unknown, node: SchemaNode, path: string, old: unknown): void {
    if (!node.hasRules || this.#isOver || value === null || value === undefined) return;
    const own = this.#compiled.get(node);
    if (own !== undefined) this.#runAll(own, value, path, node, old);
    if (this.#isOver) return;
    if (Array.isArray(value)) {
      if (node.items?.hasRules !== true) return;
      const { items } = node;
      value.forEach((item, index) => {
        this.visit(item, items, `${path}[${index}]`, correlatedItem(item, node, old));
      });
    } else if (isJsonObject(value)) {
      const before = isJsonObject(old) ? old : undefined;
      for (const name of Object.keys(value)) {
        const below = node.properties.get(name) ?? node.additional;
        if (below !== undefined) this.visit(value[name], below, childPath(path, name), before?.[name]);
      }
    }
  }

  #runAll({ type, programs }: NodeRules, value: unknown, path: string, node: SchemaNode, old: unknown): void {
    const self = fromJson(value, type);
    const hasOld = old !== undefined && old !== null;
    const oldSelf = hasOld ? fromJson(old, type) : undefined;
    const isSame = hasOld && equal(value, old);
    for (const program of programs) {
      const isOptional = program.rule.optionalOldSelf === true;
      if (program.isTransition && oldSelf === undefined && !isOptional) continue;
      const bindings = { self, oldSelf: isOptional ? optional(oldSelf) : (oldSelf ?? null) };
      const place = { path, value, node };
      try {
        const error = this.#run(program, bindings, place);
        if (error === undefined) continue;
        // What was wrong before and did not change may stay, unless the rule is about the change.
        if (isSame && !program.isTransition) this.warnings.push(`${error.field}: ${fieldErrorMessage(error)}`);
        else this.errors.push(error);
      } catch (error) {
        if (!(error instanceof OutOfBudget)) throw error;
        this.#isOver = true;
        this.errors.push({ type: 'invalid', field: shown(path), value: node.type, detail: error.message });
        return;
      }
    }
  }

  #run(program: RuleProgram, bindings: Record<string, CelValue>, place: Place): FieldError | undefined {
    const { rule } = program;
    const { path, node } = place;
    const failed = (detail: string): FieldError => ({ type: 'invalid', field: shown(path), value: node.type, detail });
    const text = ruleText(rule);
    const budget = new CostBudget(Math.min(callCostMax, this.#budget.left));
    const allowed = budget.left;
    try {
      const result = program.program.evaluate(bindings, budget);
      this.#spend(allowed - budget.left);
      return result === true ? undefined : this.#violation(program, bindings, place);
    } catch (error) {
      if (error instanceof CelBudgetError) {
        if (allowed < callCostMax) throw new OutOfBudget(outOfBudgetText);
        const message = `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${text}`;
        throw new OutOfBudget(message);
      }
      if (!(error instanceof CelError)) throw error;
      this.#spend(allowed - budget.left);
      if (!error.message.startsWith('no such overload')) return failed(`${error.message} evaluating rule: ${text}`);
      return failed(
        `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${text}`,
      );
    }
  }

  #spend(cost: number): void {
    try {
      this.#budget.spend(cost);
    } catch (error) {
      throw error instanceof CelBudgetError ? new OutOfBudget(outOfBudgetText) : error;
    }
  }

  #violation(program: RuleProgram, bindings: Record<string, CelValue>, { path, value }: Place): FieldError {
    const { rule, fieldPath } = program;
    const field = fieldPath.reduce(childPath, path);
    const detail = this.#message(program, bindings);
    switch (rule.reason) {
      case 'FieldValueRequired':
        return { type: 'required', field: shown(field), detail };
      case 'FieldValueForbidden':
        return { type: 'forbidden', field: shown(field), detail };
      case 'FieldValueDuplicate':
        return { type: 'duplicate', field: shown(field), value, detail };
      default: {
        // Values with parts are not repeated in the message.
        const isLarge = typeof value === 'object';
        return { type: 'invalid', field: shown(field), detail, ...(isLarge ? { omitsValue: true } : { value }) };
      }
    }
  }

  /** A message that cannot be made, or would not be one line, gives way to the fixed one. */
  #message({ rule, message }: RuleProgram, bindings: Record<string, CelValue>): string {
    const fixed = rule.message?.trim();
    const usual = fixed === undefined || fixed === '' ? `failed rule: ${rule.rule.trim()}` : fixed;
    if (message === undefined) return usual;
    const budget = new CostBudget(Math.min(callCostMax, this.#budget.left));
    try {
      const made = message.evaluate(bindings, budget);
      const text = typeof made === 'string' ? made.trim() : '';
      return text === '' || text.includes('\n') || text.length > messageLengthMax ? usual : text;
    } catch (error) {
      if (error instanceof CelError || error instanceof CelBudgetError) return usual;
      throw error;
    }
  }
}

const messageLengthMax = 5 * 1024;
const outOfBudgetText = 'validation failed due to running out of cost budget, no further validation rules will be run';

interface Place {
  readonly path: string;
  readonly value: unknown;
  readonly node: SchemaNode;
}

function optional(value: CelValue | undefined): CelOptional {
  return value === undefined ? noValue : new CelOptional(value);
}

/** The rule with its message, as upstream names it in errors. */
function ruleText({ rule, message = '' }: RuleProgram['rule']): string {
  return message === '' ? rule.trim() : message.trim();
}

function shown(path: string): string {
  return path === '' ? '<nil>' : path;
}
