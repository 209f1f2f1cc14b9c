import type { CallExpr, Expr, Literal, MacroExpr } from './ast.ts';
import { qualifiedName } from './checker.ts';
import { CelBudgetError, CelError } from './errors.ts';
import { unescapeField } from './field-names.ts';
import { typeNames } from './library/conversions.ts';
import { accepts, type Overload } from './library/overload.ts';
import {
  CelMap,
  CelObject,
  CelOptional,
  CelTypeValue,
  CelUint,
  type CelValue,
  celCompare,
  isList,
  mapKey,
  noValue,
} from './values.ts';

/** What evaluations may cost together; each step costs about one. */
export class CostBudget {
  #left: number;

  constructor(limit: number) {
    this.#left = limit;
  }

  get left(): number {
    return this.#left;
  }

  spend(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw new CelBudgetError();
  }
}

/** One run: the values of variables by slot, and what it may cost. */
interface Run {
  readonly slots: CelValue[];
  readonly budget: CostBudget;
}

export type Evaluate = (run: Run) => CelValue;

/** Where a variable's value is while an expression runs. */
type Slots = ReadonlyMap<string, number>;

export interface Compiled {
  readonly evaluate: Evaluate;
  readonly slotCount: number;
}

/** Turns an expression into functions that call each other. */
export function compileExpr(
  expr: Expr,
  variables: readonly string[],
  functions: ReadonlyMap<string, readonly Overload[]>,
): Compiled {
  const compiler = new Compiler(functions, variables.length);
  const evaluate = compiler.compile(expr, new Map(variables.map((name, slot) => [name, slot])));
  return { evaluate, slotCount: compiler.slotCount };
}

class Compiler {
  readonly #functions: ReadonlyMap<string, readonly Overload[]>;
  slotCount: number;

  constructor(functions: ReadonlyMap<string, readonly Overload[]>, slotCount: number) {
    this.#functions = functions;
    this.slotCount = slotCount;
  }

  compile(expr: Expr, slots: Slots): Evaluate {
    switch (expr.kind) {
      case 'literal': {
        const value = literalValue(expr.value);
        return () => value;
      }
      case 'ident':
        return compileIdent(expr.name, slots);
      case 'list':
        return this.#compileList(expr, slots);
      case 'map':
        return this.#compileMap(expr, slots);
      case 'select': {
        const typeName = qualifiedName(expr, slots);
        if (typeName?.startsWith('google.protobuf.')) {
          const type = new CelTypeValue(typeName);
          return () => type;
        }
        const operand = this.compile(expr.operand, slots);
        const { field, optional } = expr;
        return (run) => {
          run.budget.spend(1);
          return selectField(operand(run), field, optional);
        };
      }
      case 'index': {
        const operand = this.compile(expr.operand, slots);
        const index = this.compile(expr.index, slots);
        const { optional } = expr;
        return (run) => {
          run.budget.spend(1);
          return selectIndex(operand(run), index(run), optional);
        };
      }
      case 'call':
        return this.#compileCall(expr, slots);
      case 'and':
      case 'or':
        return compileLogic(this.compile(expr.left, slots), this.compile(expr.right, slots), expr.kind === 'or');
      case 'condition': {
        const test = this.compile(expr.test, slots);
        const then = this.compile(expr.then, slots);
        const otherwise = this.compile(expr.otherwise, slots);
        return (run) => (asBool(test(run)) ? then(run) : otherwise(run));
      }
      case 'macro':
        return this.#compileMacro(expr, slots);
    }
  }

  #compileList({ items }: Extract<Expr, { kind: 'list' }>, slots: Slots): Evaluate {
    const parts = items.map(({ value, optional }) => ({ value: this.compile(value, slots), optional }));
    return (run) => {
      run.budget.spend(parts.length + 1);
      const list: CelValue[] = [];
      for (const { value, optional } of parts) {
        const item = value(run);
        if (!optional) list.push(item);
        else if (!(item instanceof CelOptional)) throw new CelError('no such overload');
        else if (item.value !== undefined) list.push(item.value);
      }
      return list;
    };
  }

  #compileMap({ entries }: Extract<Expr, { kind: 'map' }>, slots: Slots): Evaluate {
    const parts = entries.map(({ key, value, optional }) => ({
      key: this.compile(key, slots),
      value: this.compile(value, slots),
      optional,
    }));
    return (run) => {
      run.budget.spend(parts.length + 1);
      const map = new Map<string | boolean | bigint, CelValue>();
      for (const { key, value, optional } of parts) {
        const name = mapKey(key(run));
        if (name === undefined) throw new CelError('unsupported key type');
        if (map.has(name)) throw new CelError(`duplicate key in map: ${String(name)}`);
        const member = value(run);
        if (!optional) map.set(name, member);
        else if (!(member instanceof CelOptional)) throw new CelError('no such overload');
        else if (member.value !== undefined) map.set(name, member.value);
      }
      return new CelMap(map);
    };
  }

  #compileCall({ name, target, args }: CallExpr, slots: Slots): Evaluate {
    const parts = (target === undefined ? args : [target, ...args]).map((arg) => this.compile(arg, slots));
    const isMethod = target !== undefined;
    const overloads = (this.#functions.get(name) ?? []).filter(
      (overload) => overload.isMethod === isMethod && overload.params.length === parts.length,
    );
    return (run) => {
      const values = parts.map((part) => part(run));
      const overload = overloads.find((candidate) => accepts(candidate, values));
      if (overload === undefined) throw new CelError('no such overload');
      run.budget.spend(1 + overload.cost(values));
      return overload.call(values);
    };
  }

  #compileMacro(expr: MacroExpr, slots: Slots): Evaluate {
    const { name, variables, body } = expr;
    const range = this.compile(expr.range, slots);
    if (name === 'has') {
      const field = body.kind === 'select' ? body.field : '';
      return (run) => {
        run.budget.spend(1);
        return hasField(range(run), field);
      };
    }
    const [first = '', second] = variables;
    const firstSlot = this.slotCount++;
    const secondSlot = second === undefined ? -1 : this.slotCount++;
    const inner = new Map(slots).set(first, firstSlot);
    if (second !== undefined) inner.set(second, secondSlot);
    const evaluate = this.compile(body, inner);
    const filter = expr.filter === undefined ? undefined : this.compile(expr.filter, inner);
    if (name === 'bind' || name === 'optMap' || name === 'optFlatMap') {
      return compileBinding(name, range, firstSlot, evaluate);
    }
    const walk = { range, firstSlot, secondSlot, evaluate, filter };
    return compileComprehension(name, walk);
  }
}

function compileIdent(name: string, slots: Slots): Evaluate {
  const slot = slots.get(name);
  if (slot !== undefined) {
    return ({ slots: values, budget }) => {
      budget.spend(1);
      return values[slot] ?? null;
    };
  }
  const type = typeNames.get(name);
  return () => {
    if (type === undefined) throw new CelError(`no such attribute(s): ${name}`);
    return type;
  };
}

function compileBinding(
  name: 'bind' | 'optMap' | 'optFlatMap',
  range: Evaluate,
  slot: number,
  body: Evaluate,
): Evaluate {
  if (name === 'bind') {
    return (run) => {
      run.slots[slot] = range(run);
      return body(run);
    };
  }
  return (run) => {
    const held = range(run);
    if (!(held instanceof CelOptional)) throw new CelError('no such overload');
    if (held.value === undefined) return noValue;
    run.slots[slot] = held.value;
    const result = body(run);
    return name === 'optMap' ? new CelOptional(result) : result;
  };
}

interface Walk {
  readonly range: Evaluate;
  readonly firstSlot: number;
  /** -1: one variable only. */
  readonly secondSlot: number;
  readonly evaluate: Evaluate;
  readonly filter: Evaluate | undefined;
}

/** Puts each item into its slots in turn. */
function* steps({ range, firstSlot, secondSlot, filter }: Walk, run: Run): Generator<readonly [CelValue, CelValue]> {
  const value = range(run);
  const pairs: Iterable<readonly [CelValue, CelValue]> = pairsOf(value);
  for (const pair of pairs) {
    run.budget.spend(1);
    const [key, item] = pair;
    if (secondSlot < 0) run.slots[firstSlot] = value instanceof CelMap || value instanceof CelObject ? key : item;
    else {
      run.slots[firstSlot] = key;
      run.slots[secondSlot] = item;
    }
    if (filter === undefined || asBool(filter(run))) yield pair;
  }
}

function* pairsOf(value: CelValue): Generator<readonly [CelValue, CelValue]> {
  if (isList(value)) {
    for (let index = 0; index < value.length; index++) yield [BigInt(index), value[index] ?? null];
  } else if (value instanceof CelMap) yield* value.entries;
  else if (value instanceof CelObject) for (const name of value.fields()) yield [name, value.get(name) ?? null];
  else throw new CelError('no such overload');
}

function compileComprehension(name: MacroExpr['name'], walk: Walk): Evaluate {
  const { evaluate, firstSlot } = walk;
  switch (name) {
    case 'all':
    case 'exists':
      return (run) => quantified(walk, run, name === 'exists');
    case 'existsOne':
      return (run) => {
        let count = 0;
        for (const _ of steps(walk, run)) if (asBool(evaluate(run))) count++;
        return count === 1;
      };
    case 'filter':
      return (run) => {
        const kept: CelValue[] = [];
        for (const _ of steps(walk, run)) {
          const item = run.slots[firstSlot] ?? null;
          if (asBool(evaluate(run))) kept.push(item);
        }
        return kept;
      };
    case 'map':
    case 'transformList':
      return (run) => {
        const results: CelValue[] = [];
        for (const _ of steps(walk, run)) results.push(evaluate(run));
        return results;
      };
    case 'sortBy':
      return (run) => {
        const keyed: { item: CelValue; key: CelValue }[] = [];
        for (const [, item] of steps(walk, run)) keyed.push({ item, key: evaluate(run) });
        return keyed.sort((a, b) => celCompare(a.key, b.key)).map(({ item }) => item);
      };
    default:
      return (run) => transformedMap(walk, run, name === 'transformMapEntry');
  }
}

/** `all` and `exists` end with the first item that decides; errors of the others do not count then. */
function quantified(walk: Walk, run: Run, decisive: boolean): boolean {
  let failure: CelError | undefined;
  for (const _ of steps(walk, run)) {
    try {
      if (asBool(walk.evaluate(run)) === decisive) return decisive;
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return !decisive;
}

function transformedMap(walk: Walk, run: Run, fromEntries: boolean): CelMap {
  const result = new Map<string | boolean | bigint, CelValue>();
  for (const [key] of steps(walk, run)) {
    const value = walk.evaluate(run);
    if (!fromEntries) {
      const name = mapKey(key);
      if (name !== undefined) result.set(name, value);
      continue;
    }
    if (!(value instanceof CelMap)) throw new CelError('no such overload');
    for (const [name, member] of value.entries) {
      if (result.has(name)) throw new CelError(`insert failed: key ${String(name)} already exists`);
      result.set(name, member);
    }
  }
  return new CelMap(result);
}

/** `||` and `&&`: either side alone may decide, whatever becomes of the other. */
function compileLogic(left: Evaluate, right: Evaluate, decisive: boolean): Evaluate {
  return (run) => {
    let failure: CelError | undefined;
    try {
      if (asBool(left(run)) === decisive) return decisive;
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      failure = error;
    }
    const second = asBool(right(run));
    if (second === decisive) return decisive;
    if (failure !== undefined) throw failure;
    return second;
  };
}

function asBool(value: CelValue): boolean {
  if (typeof value !== 'boolean') throw new CelError('no such overload');
  return value;
}

function literalValue(literal: Literal): CelValue {
  if (literal.type === 'null') return null;
  return literal.type === 'uint' ? new CelUint(literal.value) : literal.value;
}

function hasField(value: CelValue, field: string): boolean {
  if (value instanceof CelObject) return value.has(unescapeField(field));
  if (value instanceof CelMap) return value.entries.has(field);
  if (value instanceof CelOptional) return value.value !== undefined && hasField(value.value, field);
  throw new CelError('no such overload');
}

function selectField(value: CelValue, field: string, optional: boolean): CelValue {
  if (value instanceof CelOptional) {
    return value.value === undefined ? noValue : asOptional(selectField(value.value, field, true));
  }
  if (optional && value === null) return noValue;
  const found = fieldValue(value, field);
  if (found === undefined) {
    if (optional) return noValue;
    throw new CelError(`no such key: ${field}`);
  }
  return optional ? new CelOptional(found) : found;
}

function fieldValue(value: CelValue, field: string): CelValue | undefined {
  if (value instanceof CelObject) return value.get(unescapeField(field));
  if (value instanceof CelMap) return value.entries.get(field);
  throw new CelError('no such overload');
}

function selectIndex(value: CelValue, index: CelValue, optional: boolean): CelValue {
  if (value instanceof CelOptional) {
    return value.value === undefined ? noValue : asOptional(selectIndex(value.value, index, true));
  }
  const found = isList(value) ? itemAt(value, index) : memberAt(value, index);
  if (found !== undefined) return optional ? new CelOptional(found) : found;
  if (optional) return noValue;
  throw new CelError(isList(value) ? `index out of bounds: ${String(index)}` : `no such key: ${keyText(index)}`);
}

function itemAt(list: readonly CelValue[], index: CelValue): CelValue | undefined {
  const at = mapKey(index);
  if (typeof at !== 'bigint') throw new CelError('unsupported index type');
  return at < 0n ? undefined : list[Number(at)];
}

function memberAt(value: CelValue, key: CelValue): CelValue | undefined {
  if (value instanceof CelMap) return value.get(key);
  if (value instanceof CelObject && typeof key === 'string') return value.get(key);
  throw new CelError('no such overload');
}

function keyText(key: CelValue): string {
  return typeof key === 'object' && key instanceof CelUint ? String(key.value) : String(key);
}

function asOptional(value: CelValue): CelValue {
  return value instanceof CelOptional ? value : new CelOptional(value);
}
