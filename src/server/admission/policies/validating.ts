import type { ValidatingAdmissionPolicy, Validation } from '../../../api/admissionregistration/v1/types.generated.ts';
import { as } from '../../../api/resource.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { ApiError, forbidden, isApiError } from '../../../machinery/status-error.ts';
import { boolType, stringType } from '../../cel/types.ts';
import type { ObjectAccess } from '../../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { type Evaluation, type Expression, ExpressionCompiler } from './expressions.ts';
import { conditionsHold, evaluationFailure } from './match-conditions.ts';
import { PolicyContext, type PolicyNeeds } from './policy-context.ts';
import { type CompiledBinding, type CompiledPolicy, PolicySet } from './policy-set.ts';

const messageLengthMax = 5 * 1024;
const annotationPrefix = 'validation.policy.admission.k8s.io/';

interface CompiledValidation {
  readonly validation: Validation;
  readonly expression: Expression;
  readonly message: Expression | undefined;
}

interface Content {
  readonly variables: ExpressionCompiler['variables'];
  readonly conditions: readonly Expression[];
  readonly validations: readonly CompiledValidation[];
  readonly auditAnnotations: readonly { readonly key: string; readonly value: Expression }[];
}

/** What one validation has against the request. */
interface Failure {
  readonly message: string;
  readonly reason: string;
  readonly expressionIndex: number;
}

type Policy = CompiledPolicy<Content>;

/** Policies written as expressions, and what their bindings say is to be done when they do not hold. */
export function validatingPolicies(needs: PolicyNeeds & { readonly objects: ObjectAccess }): {
  readonly plugin: AdmissionPlugin;
  close(): void;
} {
  const policies = new PolicySet('validating', needs.objects, compileValidatingPolicy);
  const context = new PolicyContext(needs);
  const plugin: AdmissionPlugin = {
    name: 'ValidatingAdmissionPolicy',
    handles: (attributes) => policies.handle(attributes),
    async validate(attributes) {
      let denial: Error | undefined;
      for (const { policy, bindings } of policies.bound) {
        const matched = await context.match(policy.constraints, attributes);
        if (matched === undefined) continue;
        for (const binding of bindings) {
          const { constraints } = binding;
          if (constraints !== undefined && (await context.match(constraints, attributes)) === undefined) continue;
          const shown = await context.shown(matched, attributes);
          const failures = await judge(context, { policy, binding, attributes, shown });
          denial ??= act({ policy, binding, attributes }, failures);
        }
      }
      if (denial !== undefined) throw denial;
    },
  };
  return { plugin, close: () => policies.close() };
}

/** Throws an Error for an expression that cannot work. */
export function compileValidatingPolicy(object: UnknownObject): Content {
  const { spec } = as<ValidatingAdmissionPolicy>(object);
  const compiler = new ExpressionCompiler('policy', spec.variables);
  return {
    variables: compiler.variables,
    conditions: (spec.matchConditions ?? []).map(({ expression }) => compiler.compileCondition(expression)),
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      expression: compiler.compile(validation.expression, boolType),
      message:
        (validation.messageExpression ?? '') === ''
          ? undefined
          : compiler.compile(validation.messageExpression ?? '', stringType),
    })),
    auditAnnotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      value: compiler.compile(valueExpression),
    })),
  };
}

interface Case {
  readonly policy: Policy;
  readonly binding: CompiledBinding;
  readonly attributes: AdmissionAttributes;
}

async function judge(
  context: PolicyContext,
  { policy, binding, attributes, shown }: Case & { shown: Awaited<ReturnType<PolicyContext['shown']>> },
): Promise<Failure[]> {
  const failures: Failure[] = [];
  try {
    const content = policy.content();
    for (const params of context.params(policy.paramKind, binding, attributes)) {
      const evaluation = context.evaluation(attributes, shown, { variables: content.variables, params });
      if (!(await conditionsHold(content.conditions, evaluation))) continue;
      for (const [index, validation] of content.validations.entries()) {
        const failure = await check(validation, evaluation, policy.ignoresFailure);
        if (failure !== undefined) failures.push({ ...failure, expressionIndex: index });
      }
      await annotate(policy, content, evaluation, attributes);
    }
  } catch (error) {
    if (isApiError(error)) throw error;
    // What cannot be judged is refused, unless the policy says otherwise.
    if (!policy.ignoresFailure) failures.push({ message: messageOf(error), reason: '', expressionIndex: 0 });
  }
  return failures;
}

async function check(
  { validation, expression, message }: CompiledValidation,
  evaluation: Evaluation,
  ignoresFailure: boolean,
): Promise<Omit<Failure, 'expressionIndex'> | undefined> {
  const { reason = '' } = validation;
  try {
    if ((await evaluation.evaluate(expression)) === true) return undefined;
  } catch (error) {
    return ignoresFailure ? undefined : { message: evaluationFailure(expression, error).message, reason };
  }
  const made = message === undefined ? undefined : await messageFrom(message, evaluation);
  const given = (validation.message ?? '').trim();
  const said = made ?? (given === '' ? `failed expression: ${validation.expression.trim()}` : given);
  return { message: said, reason };
}

/** Undefined where the expression does not make a message that could be told. */
async function messageFrom(expression: Expression, evaluation: Evaluation): Promise<string | undefined> {
  try {
    const value = await evaluation.evaluate(expression);
    const text = typeof value === 'string' ? value.trim() : '';
    return text === '' || text.includes('\n') || text.length > messageLengthMax ? undefined : text;
  } catch {
    // The message of the validation itself, or its expression, is told instead.
    return undefined;
  }
}

async function annotate(
  { name }: Policy,
  { auditAnnotations }: Content,
  evaluation: Evaluation,
  { annotations }: AdmissionAttributes,
): Promise<void> {
  for (const { key, value } of auditAnnotations) {
    const text = await evaluation.evaluate(value);
    if (typeof text === 'string' && text.trim() !== '') annotations?.set(`${name}/${key}`, text.trim());
  }
}

/** Does what the binding asks for; answers the refusal where that is one. */
function act({ policy, binding, attributes }: Case, failures: readonly Failure[]): Error | undefined {
  const [first] = failures;
  if (first === undefined) return undefined;
  if (binding.actions.includes('Audit')) {
    const facts = failures.map(({ message, expressionIndex }) => ({
      message,
      policy: policy.name,
      binding: binding.name,
      expressionIndex,
      validationActions: binding.actions,
    }));
    attributes.annotations?.set(`${annotationPrefix}validation_failure`, JSON.stringify(facts));
  }
  if (binding.actions.includes('Warn')) {
    for (const { message } of failures) {
      attributes.warnings.push(
        `Validation failed for ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}': ${message}`,
      );
    }
  }
  if (!binding.actions.includes('Deny')) return undefined;
  const why = `ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}' denied request: ${first.message}`;
  return denied(attributes, why, first.reason);
}

const codes: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
  Invalid: 422,
};

function denied(attributes: AdmissionAttributes, why: string, given: string): ApiError {
  const { group, resource, name, object } = attributes;
  const { status } = forbidden({ group, resource }, name === '' ? (object?.metadata.name ?? '') : name, why);
  const reason = given === '' ? 'Invalid' : given;
  const details = { ...status.details, causes: [{ message: why }] };
  return new ApiError({ ...status, reason, code: codes[reason] ?? 422, details });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
