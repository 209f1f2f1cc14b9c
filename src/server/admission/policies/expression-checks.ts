import type {
  MatchCondition,
  MutatingAdmissionPolicy,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  Variable,
} from '../../../api/admissionregistration/v1/types.generated.ts';
import { as } from '../../../api/resource.ts';
import { equal } from '../../../machinery/json.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { type FieldError, invalid } from '../../../machinery/status-error.ts';
import { boolType, type CelType, stringType } from '../../cel/types.ts';
import type { AdmissionPlugin } from '../../request.ts';
import { isAdmissionConfiguration } from '../matching/selectors.ts';
import { ExpressionCompiler } from './expressions.ts';

/**
 * Refuses expressions that cannot be compiled when they are written. A part of validation, but rows are pure and know
 * nothing of expressions.
 */
export function expressionChecks(): AdmissionPlugin {
  return {
    name: 'AdmissionExpressions',
    handles: (attributes) =>
      (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') &&
      attributes.subresource === '' &&
      isAdmissionConfiguration(attributes) &&
      !attributes.resource.endsWith('bindings'),
    async validate({ group, kind, resource, object, oldObject }) {
      if (object === undefined) return;
      // What was there before is not held against a write that does not touch it.
      const part = resource.endsWith('policies') ? 'spec' : 'webhooks';
      if (oldObject !== undefined && equal(oldObject[part], object[part])) return;
      const errors = problemsOf(resource, object);
      if (errors.length > 0) throw invalid({ group, kind }, object.metadata.name, errors);
    },
  };
}

function problemsOf(resource: string, object: UnknownObject): FieldError[] {
  const errors: FieldError[] = [];
  if (resource.endsWith('webhookconfigurations')) {
    const compiler = new ExpressionCompiler('webhook');
    as<MutatingWebhookConfiguration>(object).webhooks?.forEach(({ matchConditions }, index) => {
      checkConditions(errors, compiler, matchConditions, `webhooks[${index}]`);
    });
    return errors;
  }
  const { spec } = as<ValidatingAdmissionPolicy & MutatingAdmissionPolicy>(object);
  const compiler = compilerWith(errors, spec.variables ?? []);
  checkConditions(errors, compiler, spec.matchConditions, 'spec');
  spec.validations?.forEach(({ expression, messageExpression = '' }, index) => {
    const path = `spec.validations[${index}]`;
    check(errors, compiler, { source: expression, field: `${path}.expression`, result: boolType });
    if (messageExpression === '') return;
    check(errors, compiler, { source: messageExpression, field: `${path}.messageExpression`, result: stringType });
  });
  spec.auditAnnotations?.forEach(({ valueExpression }, index) => {
    check(errors, compiler, { source: valueExpression, field: `spec.auditAnnotations[${index}].valueExpression` });
  });
  spec.mutations?.forEach(({ applyConfiguration, jsonPatch }, index) => {
    const path = `spec.mutations[${index}]`;
    if (applyConfiguration !== undefined) {
      const source = applyConfiguration.expression ?? '';
      check(errors, compiler, { source, field: `${path}.applyConfiguration.expression` });
    }
    if (jsonPatch === undefined) return;
    check(errors, compiler, { source: jsonPatch.expression ?? '', field: `${path}.jsonPatch.expression` });
  });
  return errors;
}

/** With as many of the variables as can be compiled; the others are reported. */
function compilerWith(errors: FieldError[], variables: readonly Variable[]): ExpressionCompiler {
  const good: Variable[] = [];
  for (const [index, variable] of variables.entries()) {
    const field = `spec.variables[${index}].expression`;
    if (check(errors, new ExpressionCompiler('policy', good), { source: variable.expression, field }))
      good.push(variable);
  }
  return new ExpressionCompiler('policy', good);
}

function checkConditions(
  errors: FieldError[],
  compiler: ExpressionCompiler,
  conditions: readonly MatchCondition[] | undefined,
  path: string,
): void {
  conditions?.forEach(({ expression }, index) => {
    const field = `${path}.matchConditions[${index}].expression`;
    check(errors, compiler, { source: expression, field, result: boolType });
  });
}

function check(
  errors: FieldError[],
  compiler: ExpressionCompiler,
  { source, field, result }: { readonly source: string; readonly field: string; readonly result?: CelType },
): boolean {
  try {
    compiler.compile(source, result);
    return true;
  } catch (error) {
    errors.push({
      type: 'invalid',
      field,
      value: source,
      detail: error instanceof Error ? error.message : String(error),
    });
    return false;
  }
}
