import type { CallExpr, Expr, MacroExpr, SelectExpr } from './ast.ts';
import { unescapeField } from './field-names.ts';
import { typeNames } from './library/conversions.ts';
import type { Overload } from './library/overload.ts';
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  dynType,
  formatType,
  intType,
  isAssignable,
  joined,
  nullType,
  optionalOf,
  plainType,
  stringType,
  substitute,
  uintType,
} from './types.ts';

export interface Checked {
  readonly type: CelType;
  readonly issues: readonly { readonly at: number; readonly message: string }[];
  /** The type of every part of the expression. */
  readonly types: ReadonlyMap<Expr, CelType>;
}

/** Finds the types of an expression and what cannot work, before it ever runs. */
export function checkExpression(
  expr: Expr,
  variables: Readonly<Record<string, CelType>>,
  functions: ReadonlyMap<string, readonly Overload[]>,
): Checked {
  const checker = new Checker(functions);
  const type = checker.visit(expr, new Map(Object.entries(variables)));
  return { type, issues: checker.issues, types: checker.types };
}

type Scope = ReadonlyMap<string, CelType>;

class Checker {
  readonly issues: { at: number; message: string }[] = [];
  readonly types = new Map<Expr, CelType>();
  readonly #functions: ReadonlyMap<string, readonly Overload[]>;

  constructor(functions: ReadonlyMap<string, readonly Overload[]>) {
    this.#functions = functions;
  }

  visit(expr: Expr, scope: Scope): CelType {
    const type = this.#typeOf(expr, scope);
    this.types.set(expr, type);
    return type;
  }

  #report(at: number, message: string): CelType {
    this.issues.push({ at, message });
    return dynType;
  }

  #typeOf(expr: Expr, scope: Scope): CelType {
    switch (expr.kind) {
      case 'literal':
        return literalTypes[expr.value.type] ?? dynType;
      case 'ident': {
        const found = scope.get(expr.name) ?? (typeNames.has(expr.name) ? plainType('type') : undefined);
        return found ?? this.#report(expr.at, `undeclared reference to '${expr.name}' (in container '')`);
      }
      case 'list':
        return this.#listType(expr, scope);
      case 'map':
        return this.#mapType(expr, scope);
      case 'select':
        return this.#selectType(expr, scope);
      case 'index':
        return this.#indexType(expr, scope);
      case 'call':
        return this.#callType(expr, scope);
      case 'and':
      case 'or': {
        const name = expr.kind === 'and' ? '_&&_' : '_||_';
        const [left, right] = [this.visit(expr.left, scope), this.visit(expr.right, scope)];
        return isBool(left) && isBool(right) ? boolType : this.#noOverload(expr.at, name, undefined, [left, right]);
      }
      case 'condition': {
        const test = this.visit(expr.test, scope);
        const [then, otherwise] = [this.visit(expr.then, scope), this.visit(expr.otherwise, scope)];
        const fits = isAssignable(then, otherwise, new Map()) || isAssignable(otherwise, then, new Map());
        if (!isBool(test) || !fits) return this.#noOverload(expr.at, '_?_:_', undefined, [test, then, otherwise]);
        return joined(then, otherwise);
      }
      case 'macro':
        return this.#macroType(expr, scope);
    }
  }

  #listType({ items }: Extract<Expr, { kind: 'list' }>, scope: Scope): CelType {
    let element: CelType | undefined;
    for (const { value, optional } of items) {
      const type = this.visit(value, scope);
      const held = optional ? withoutOptional(type) : type;
      element = element === undefined ? held : joined(element, held);
    }
    return { kind: 'list', element: element ?? dynType, max: items.length };
  }

  #mapType({ entries }: Extract<Expr, { kind: 'map' }>, scope: Scope): CelType {
    let key: CelType | undefined;
    let value: CelType | undefined;
    for (const entry of entries) {
      const [keyType, valueType] = [this.visit(entry.key, scope), this.visit(entry.value, scope)];
      const held = entry.optional ? withoutOptional(valueType) : valueType;
      key = key === undefined ? keyType : joined(key, keyType);
      value = value === undefined ? held : joined(value, held);
    }
    return { kind: 'map', key: key ?? dynType, value: value ?? dynType, max: entries.length };
  }

  #selectType(expr: SelectExpr, scope: Scope): CelType {
    const { operand, field, optional, at } = expr;
    const typeName = qualifiedName(expr, scope);
    if (typeName === 'google.protobuf.Timestamp' || typeName === 'google.protobuf.Duration') return plainType('type');
    const type = this.visit(operand, scope);
    const isChained = type.kind === 'optional';
    const found = this.#fieldType(isChained ? type.of : type, field, at);
    return optional || isChained ? optionalOf(withoutOptional(found)) : found;
  }

  #fieldType(type: CelType, field: string, at: number): CelType {
    switch (type.kind) {
      case 'dyn':
        return dynType;
      case 'map':
        return type.value;
      case 'object':
        return type.fields.get(unescapeField(field)) ?? this.#report(at, `undefined field '${field}'`);
      default:
        return this.#report(at, `type '${formatType(type)}' does not support field selection`);
    }
  }

  #indexType({ operand, index, optional, at }: Extract<Expr, { kind: 'index' }>, scope: Scope): CelType {
    const [type, by] = [this.visit(operand, scope), this.visit(index, scope)];
    const isChained = type.kind === 'optional';
    const from = isChained ? type.of : type;
    let found: CelType;
    if (from.kind === 'list' && isAssignable(by, intType, new Map())) found = from.element;
    else if (from.kind === 'map' && isAssignable(by, from.key, new Map())) found = from.value;
    else if (from.kind === 'dyn') found = dynType;
    else found = this.#noOverload(at, '_[_]', undefined, [type, by]);
    return optional || isChained ? optionalOf(withoutOptional(found)) : found;
  }

  #callType({ name, target, args, at }: CallExpr, scope: Scope): CelType {
    const targetType = target === undefined ? undefined : this.visit(target, scope);
    const argTypes = args.map((arg) => this.visit(arg, scope));
    const named = this.#functions.get(name);
    if (named === undefined) return this.#report(at, `undeclared reference to '${name}' (in container '')`);
    const all = targetType === undefined ? argTypes : [targetType, ...argTypes];
    const results: CelType[] = [];
    for (const overload of named) {
      if (overload.isMethod !== (targetType !== undefined) || overload.params.length !== all.length) continue;
      const bound = new Map<string, CelType>();
      const fits = overload.params.every((param, index) => isAssignable(all[index] ?? dynType, param, bound));
      if (fits) results.push(substitute(overload.result, bound));
    }
    const [first, ...rest] = results;
    if (first === undefined) return this.#noOverload(at, name, targetType, argTypes);
    return rest.reduce(joined, first);
  }

  #noOverload(at: number, name: string, target: CelType | undefined, args: readonly CelType[]): CelType {
    const receiver = target === undefined ? '' : `${formatType(target)}.`;
    const list = args.map(formatType).join(', ');
    return this.#report(at, `found no matching overload for '${name}' applied to '${receiver}(${list})'`);
  }

  #macroType(expr: MacroExpr, scope: Scope): CelType {
    const { name, range, body, at, variables } = expr;
    if (name === 'has') {
      // Looks at the selection without taking the value.
      this.visit(body, scope);
      return boolType;
    }
    const rangeType = this.visit(range, scope);
    const [first = '', second] = variables;
    if (name === 'bind') return this.visit(body, withVariables(scope, [[first, rangeType]]));
    if (name === 'optMap' || name === 'optFlatMap') {
      const held = rangeType.kind === 'optional' ? rangeType.of : dynType;
      const result = this.visit(body, withVariables(scope, [[first, held]]));
      return name === 'optMap' ? optionalOf(result) : result;
    }
    const [key, value] = this.#rangeTypes(rangeType, range.at);
    const single = rangeType.kind === 'map' ? key : value;
    const inner = withVariables(
      scope,
      second === undefined
        ? [[first, single]]
        : [
            [first, key],
            [second, value],
          ],
    );
    if (expr.filter !== undefined) this.#expectBool(this.visit(expr.filter, inner), expr.filter);
    const result = this.visit(body, inner);
    return this.#comprehensionType(expr, rangeType, result, { key, single, at });
  }

  #comprehensionType(
    { name, body }: MacroExpr,
    range: CelType,
    result: CelType,
    { key, single, at }: { key: CelType; single: CelType; at: number },
  ): CelType {
    const max = 'max' in range && range.max !== undefined ? { max: range.max } : {};
    switch (name) {
      case 'all':
      case 'exists':
      case 'existsOne':
        this.#expectBool(result, body);
        return boolType;
      case 'filter':
        this.#expectBool(result, body);
        return { kind: 'list', element: single, ...max };
      case 'map':
      case 'transformList':
        return { kind: 'list', element: result, ...max };
      case 'sortBy':
        return { kind: 'list', element: single, ...max };
      case 'transformMap':
        return { kind: 'map', key, value: result, ...max };
      case 'transformMapEntry':
        if (result.kind === 'map' || result.kind === 'dyn') return result;
        return this.#report(
          at,
          `found no matching overload for 'cel.@mapInsert' applied to '(map, ${formatType(result)})'`,
        );
      default:
        return dynType;
    }
  }

  #rangeTypes(type: CelType, at: number): [CelType, CelType] {
    switch (type.kind) {
      case 'list':
        return [intType, type.element];
      case 'map':
        return [type.key, type.value];
      case 'dyn':
        return [dynType, dynType];
      default:
        this.#report(
          at,
          `expression of type '${formatType(type)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [dynType, dynType];
    }
  }

  #expectBool(type: CelType, { at }: Expr): void {
    if (!isBool(type)) this.#report(at, `expected type 'bool' but found '${formatType(type)}'`);
  }
}

const literalTypes: Readonly<Record<string, CelType>> = {
  null: nullType,
  bool: boolType,
  int: intType,
  uint: uintType,
  double: doubleType,
  string: stringType,
  bytes: bytesType,
};

function isBool({ kind }: CelType): boolean {
  return kind === 'bool' || kind === 'dyn';
}

function withoutOptional(type: CelType): CelType {
  return type.kind === 'optional' ? type.of : type;
}

function withVariables(scope: Scope, variables: readonly [string, CelType][]): Scope {
  return new Map([...scope, ...variables]);
}

/** `google.protobuf.Timestamp`, when none of it is a variable. */
export function qualifiedName(expr: Expr, variables: { has(name: string): boolean }): string | undefined {
  if (expr.kind === 'ident') return variables.has(expr.name) ? undefined : expr.name;
  if (expr.kind !== 'select' || expr.optional) return undefined;
  const before = qualifiedName(expr.operand, variables);
  return before === undefined ? undefined : `${before}.${expr.field}`;
}
