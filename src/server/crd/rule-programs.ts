import type { ValidationRule } from '../../api/apiextensions/v1/types.generated.ts';
import { CelCompileError } from '../cel/errors.ts';
import { type CelProgram, compileCel } from '../cel/program.ts';
import { boolType, type CelType, optionalOf, stringType } from '../cel/types.ts';
import { parseJsonPath, plainNames } from './json-path.ts';

/** One rule, ready to run. */
export interface RuleProgram {
  readonly rule: ValidationRule;
  readonly program: CelProgram;
  readonly message: CelProgram | undefined;
  /** Compares with what was before: runs on updates only, unless `oldSelf` is optional. */
  readonly isTransition: boolean;
  /** Names below the node that an error is about. */
  readonly fieldPath: readonly string[];
}

/** Throws Error with what is wrong with the expression. */
export function compileRule(rule: ValidationRule, self: CelType): RuleProgram {
  const variables = variablesOf(rule, self);
  const program = compiled(rule.rule, variables, boolType);
  const { messageExpression = '' } = rule;
  return {
    rule,
    program,
    message: messageExpression === '' ? undefined : compileMessage(rule, self),
    isTransition: program.reads('oldSelf'),
    fieldPath: fieldNames(rule.fieldPath),
  };
}

/** Throws Error with what is wrong with the expression. */
export function compileMessage(rule: ValidationRule, self: CelType): CelProgram {
  return compiled(rule.messageExpression ?? '', variablesOf(rule, self), stringType);
}

function variablesOf({ optionalOldSelf }: ValidationRule, self: CelType): Record<string, CelType> {
  return { self, oldSelf: optionalOldSelf === true ? optionalOf(self) : self };
}

function compiled(source: string, variables: Record<string, CelType>, result: CelType): CelProgram {
  try {
    return compileCel(source, { variables, result });
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    throw new Error(`compilation failed: ${error.message}`, { cause: error });
  }
}

/** `.spec.replicas` or `['x.y'].z`; throws for what is no plain path. */
export function fieldNames(path: string | undefined): readonly string[] {
  if (path === undefined || path === '') return [];
  const names = plainNames(parseJsonPath(path));
  if (names === undefined) throw new Error('fieldPath must be a valid path');
  return names;
}
