import type { Expr } from './ast.ts';
import { type Checked, checkExpression } from './checker.ts';
import { estimateCost } from './cost-estimate.ts';
import { CelCompileError } from './errors.ts';
import { type CostBudget, compileExpr } from './evaluator.ts';
import { library } from './library/library.ts';
import type { Overload } from './library/overload.ts';
import { parseExpression } from './parser.ts';
import { type CelType, formatType } from './types.ts';
import type { CelValue } from './values.ts';

/** An expression that is ready to run, as often as wanted. */
export interface CelProgram {
  readonly source: string;
  readonly resultType: CelType;
  /** What it can cost at most, by the sizes that its variables' types tell. */
  readonly estimatedCost: number;
  /** Throws CelError for what fails while running, CelBudgetError when the budget is used up. */
  evaluate(bindings: Readonly<Record<string, CelValue>>, budget: CostBudget): CelValue;
  /** Whether the expression reads this variable. */
  reads(variable: string): boolean;
}

export interface CompileOptions {
  /** Every variable that the expression may read, with what is known of its type. */
  readonly variables: Readonly<Record<string, CelType>>;
  /** What it must come to; absent: anything. */
  readonly result?: CelType;
  /** Besides Kubernetes' library (an authorizer's). */
  readonly functions?: ReadonlyMap<string, readonly Overload[]>;
}

/** Parses, checks and compiles. Throws CelCompileError, worded as upstream's compiler. */
export function compileCel(source: string, options: CompileOptions): CelProgram {
  try {
    return compile(source, options);
  } catch (error) {
    // A chain of thousands of operators nests as deep, and every walk over it with it.
    if (!(error instanceof RangeError)) throw error;
    throw new CelCompileError(source, [{ at: 0, message: 'expression is nested too deeply' }]);
  }
}

function compile(source: string, { variables, result, functions }: CompileOptions): CelProgram {
  const names = Object.keys(variables);
  const expr = parseWith(source, names);
  const known = functions === undefined ? library : new Map([...library, ...merged(functions)]);
  const checked = checkExpression(expr, variables, known);
  if (checked.issues.length > 0) throw new CelCompileError(source, checked.issues);
  checkResult(checked, result);
  const { evaluate, slotCount } = compileExpr(expr, names, known);
  const read = namesIn(expr);
  return {
    source,
    resultType: checked.type,
    estimatedCost: estimateCost(expr, checked),
    evaluate(bindings, budget) {
      const slots = new Array<CelValue>(slotCount).fill(null);
      names.forEach((name, slot) => {
        slots[slot] = bindings[name] ?? null;
      });
      return evaluate({ slots, budget });
    },
    reads: (variable) => read.has(variable),
  };
}

function parseWith(source: string, names: readonly string[]): Expr {
  return parseExpression(source, new Set(names));
}

function checkResult({ type }: Checked, wanted: CelType | undefined): void {
  if (wanted === undefined || type.kind === 'dyn' || type.kind === wanted.kind) return;
  if (wanted.kind === 'bool') throw new Error('cel expression must evaluate to a bool');
  throw new Error(`must evaluate to ${formatType(wanted)}`);
}

/** Functions of the same name come beside those of the library. */
function merged(functions: ReadonlyMap<string, readonly Overload[]>): [string, readonly Overload[]][] {
  return [...functions].map(([name, overloads]) => [name, [...(library.get(name) ?? []), ...overloads]]);
}

/** Every name that stands for a value; a variable of a macro may be among them. */
function namesIn(expr: Expr): ReadonlySet<string> {
  const found = new Set<string>();
  const pending: unknown[] = [expr];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (Array.isArray(part)) pending.push(...part);
    else if (typeof part === 'object' && part !== null && !ArrayBuffer.isView(part)) {
      if ('kind' in part && part.kind === 'ident' && 'name' in part && typeof part.name === 'string')
        found.add(part.name);
      pending.push(...Object.values(part).filter((member) => typeof member === 'object' && member !== null));
    }
  }
  return found;
}
