import type { Variable } from '../../../api/admissionregistration/v1/types.generated.ts';
import { CelCompileError } from '../../cel/errors.ts';
import { CostBudget } from '../../cel/evaluator.ts';
import { fromJson } from '../../cel/json-values.ts';
import { type CelProgram, compileCel } from '../../cel/program.ts';
import { boolType, type CelType, dynType, type ObjectType } from '../../cel/types.ts';
import { CelObject, type CelValue } from '../../cel/values.ts';
import type { AdmissionAttributes, Authorizer } from '../../request.ts';
import { kindOf, type ShownObjects, shownUser } from '../matching/shown-objects.ts';
import { admissionFunctions, authorizerType, DecisionNeeded, Decisions } from './authorizer-library.ts';

/** What all expressions of one policy may cost for one request, as upstream. */
const budgetOfPolicy = 10_000_000;
/** What one run of one expression may cost, so that none keeps the server from others for long. */
const budgetOfRun = 1_000_000;

/** What expressions of a policy may read, besides its own variables. */
const policyVariables: Readonly<Record<string, CelType>> = {
  object: dynType,
  oldObject: dynType,
  request: dynType,
  params: dynType,
  namespaceObject: dynType,
  authorizer: authorizerType,
};
/** Webhooks have neither parameters nor variables. */
const webhookVariables: Readonly<Record<string, CelType>> = {
  object: dynType,
  oldObject: dynType,
  request: dynType,
  authorizer: authorizerType,
};

export type Expression = CelProgram;

/** Throws an Error that says `compilation failed: ...` for what cannot work. */
export class ExpressionCompiler {
  readonly #variables: Record<string, CelType>;
  readonly variables: readonly { readonly name: string; readonly program: CelProgram }[];

  /** `variables` may use those before them. `object`: what is known of the objects that will be read. */
  constructor(kind: 'policy' | 'webhook', variables: readonly Variable[] = [], object: CelType = dynType) {
    this.#variables = { ...(kind === 'policy' ? policyVariables : webhookVariables), object, oldObject: object };
    const compiled: { name: string; program: CelProgram }[] = [];
    const fields = new Map<string, CelType>();
    const type: ObjectType = { kind: 'object', name: 'kubernetes.variables', fields };
    if (kind === 'policy') this.#variables['variables'] = type;
    for (const { name, expression } of variables) {
      const program = this.compile(expression);
      compiled.push({ name, program });
      fields.set(name, program.resultType);
    }
    this.variables = compiled;
  }

  compile(source: string, result?: CelType): Expression {
    const options = { variables: this.#variables, functions: admissionFunctions };
    try {
      return compileCel(source, result === undefined ? options : { ...options, result });
    } catch (error) {
      if (!(error instanceof CelCompileError)) throw error;
      throw new Error(`compilation failed: ${error.message}`, { cause: error });
    }
  }

  compileCondition(source: string): Expression {
    return this.compile(source, boolType);
  }
}

export interface EvaluationInput {
  readonly attributes: AdmissionAttributes;
  readonly shown: ShownObjects;
  readonly authorizer: Authorizer;
  readonly variables?: ExpressionCompiler['variables'];
  readonly params?: unknown;
  readonly namespaceObject?: unknown;
}

/** Runs the expressions of one policy, or of one webhook, for one request. */
export class Evaluation {
  readonly #decisions: Decisions;
  readonly #budget = new CostBudget(budgetOfPolicy);
  readonly #bindings: Record<string, CelValue>;

  constructor(input: EvaluationInput) {
    const { attributes, shown, authorizer } = input;
    this.#decisions = new Decisions(authorizer);
    this.#bindings = {
      object: fromJson(shown.object, dynType),
      oldObject: fromJson(shown.oldObject, dynType),
      request: fromJson(requestValue(attributes, shown), dynType),
      params: fromJson(input.params, dynType),
      namespaceObject: fromJson(input.namespaceObject, dynType),
      authorizer: this.#decisions.authorizerOf(attributes),
    };
    this.#bindings['variables'] = new LazyVariables(input.variables ?? [], (program) => this.#run(program));
  }

  /** Throws CelError, CelBudgetError. */
  async evaluate(expression: Expression): Promise<CelValue> {
    for (;;) {
      try {
        return this.#run(expression);
      } catch (error) {
        if (!(error instanceof DecisionNeeded)) throw error;
        await this.#decisions.make(error);
      }
    }
  }

  #run(program: CelProgram): CelValue {
    const budget = new CostBudget(budgetOfRun);
    try {
      return program.evaluate(this.#bindings, budget);
    } finally {
      this.#budget.spend(budgetOfRun - budget.left);
    }
  }
}

/** A policy's variables: evaluated when first read, and once. */
class LazyVariables extends CelObject {
  readonly type: ObjectType;
  readonly #programs: ReadonlyMap<string, CelProgram>;
  readonly #run: (program: CelProgram) => CelValue;
  readonly #values = new Map<string, CelValue>();

  constructor(variables: ExpressionCompiler['variables'], run: (program: CelProgram) => CelValue) {
    super();
    this.#programs = new Map(variables.map(({ name, program }) => [name, program]));
    this.#run = run;
    const fields = new Map(variables.map(({ name, program }): [string, CelType] => [name, program.resultType]));
    this.type = { kind: 'object', name: 'kubernetes.variables', fields };
  }

  get(field: string): CelValue | undefined {
    const program = this.#programs.get(field);
    if (program === undefined) return undefined;
    let value = this.#values.get(field);
    if (value === undefined) {
      value = this.#run(program);
      this.#values.set(field, value);
    }
    return value;
  }

  has(field: string): boolean {
    return this.#programs.has(field);
  }

  fields(): readonly string[] {
    return [...this.#programs.keys()];
  }
}

/** The variable `request`: an AdmissionRequest without its objects. */
function requestValue(attributes: AdmissionAttributes, shown: ShownObjects): object {
  const { as } = shown;
  const { user, group, version, resource, subresource, name, namespace, operation, dryRun, options } = attributes;
  return {
    kind: kindOf(shown.object ?? shown.oldObject, as),
    resource: { group: as.group, version: as.version, resource: as.resource },
    subResource: subresource,
    requestKind: kindOf(attributes.object ?? attributes.oldObject, attributes),
    requestResource: { group, version, resource },
    requestSubResource: subresource,
    name,
    namespace,
    operation,
    userInfo: shownUser(user),
    dryRun,
    options,
  };
}
