import type { MatchCondition } from '../../../api/admissionregistration/v1/types.generated.ts';
import type { Authorizer } from '../../request.ts';
import type { CheckConditions } from '../webhooks/matching.ts';
import { Evaluation, type Expression, ExpressionCompiler } from './expressions.ts';

/**
 * Whether every condition holds. One that does not is enough, whatever becomes of the others; rejects with the first
 * failure otherwise.
 */
export async function conditionsHold(conditions: readonly Expression[], evaluation: Evaluation): Promise<boolean> {
  let failure: Error | undefined;
  for (const condition of conditions) {
    try {
      if ((await evaluation.evaluate(condition)) !== true) return false;
    } catch (error) {
      failure ??= evaluationFailure(condition, error);
    }
  }
  if (failure !== undefined) throw failure;
  return true;
}

export function evaluationFailure({ source }: Expression, error: unknown): Error {
  const why = error instanceof Error ? error.message : String(error);
  return new Error(`expression '${source.trim()}' resulted in error: ${why}`, { cause: error });
}

/** The conditions of webhooks, compiled when first asked and kept with them. */
export function webhookConditions(authorizer: Authorizer): CheckConditions {
  const compiled = new WeakMap<readonly MatchCondition[], readonly Expression[]>();
  return async (conditions, attributes, shown) => {
    let expressions = compiled.get(conditions);
    if (expressions === undefined) {
      const compiler = new ExpressionCompiler('webhook');
      expressions = conditions.map(({ expression }) => compiler.compileCondition(expression));
      compiled.set(conditions, expressions);
    }
    return conditionsHold(expressions, new Evaluation({ attributes, shown, authorizer }));
  };
}
