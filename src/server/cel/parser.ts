import type { Expr, ListItem, MacroName, MapEntry } from './ast.ts';
import { CelCompileError } from './errors.ts';
import { unescapeField } from './field-names.ts';
import { int64Max, type Token, tokenize } from './lexer.ts';

/** Longer expressions are not parsed at all. */
const sourceLengthMax = 100_000;
const depthMax = 250;

const binaryLevels: readonly (readonly string[])[] = [
  ['+', '-'],
  ['*', '/', '%'],
];
const relations: ReadonlySet<string> = new Set(['<', '<=', '>', '>=', '==', '!=', 'in']);
const reserved: ReadonlySet<string> = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);
/** First names of functions that have a dot in their name. */
const namespaces: ReadonlySet<string> = new Set([
  'optional',
  'sets',
  'base64',
  'format',
  'ip',
  'cel',
  'strings',
  'jsonpatch',
]);
/** Names that begin the types of which expressions may make objects: `Object.spec{replicas: 1}`. */
const constructed: ReadonlySet<string> = new Set(['Object', 'JSONPatch']);

/** Parses and expands macros. Throws CelCompileError. `variables` are names that hide functions with dots. */
export function parseExpression(source: string, variables: ReadonlySet<string>): Expr {
  if (source.length > sourceLengthMax) {
    const message = `expression code point size exceeds limit: size: ${source.length}, limit ${sourceLengthMax}`;
    throw new CelCompileError('', [{ at: 0, message }]);
  }
  return new Parser(source, variables).parse();
}

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #variables: ReadonlySet<string>;
  #next = 0;
  #depth = 0;

  constructor(source: string, variables: ReadonlySet<string>) {
    this.#source = source;
    this.#tokens = tokenize(source);
    this.#variables = variables;
  }

  parse(): Expr {
    const expr = this.#expression();
    const rest = this.#peek();
    if (rest.type !== 'end') this.#fail(rest);
    return expr;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { type: 'end', at: this.#source.length, text: '<EOF>' };
  }

  #take(): Token {
    const token = this.#peek();
    this.#next++;
    return token;
  }

  #is(text: string): boolean {
    const token = this.#peek();
    return token.type === 'symbol' && token.text === text;
  }

  #accept(text: string): Token | undefined {
    return this.#is(text) ? this.#take() : undefined;
  }

  #expect(text: string): Token {
    return this.#accept(text) ?? this.#fail(this.#peek(), ` expecting '${text}'`);
  }

  #fail({ at, text, type }: Token, expecting = ''): never {
    const what = type === 'end' || expecting !== '' ? 'mismatched' : 'extraneous';
    throw new CelCompileError(this.#source, [{ at, message: `Syntax error: ${what} input '${text}'${expecting}` }]);
  }

  #error(at: number, message: string): never {
    throw new CelCompileError(this.#source, [{ at, message }]);
  }

  #expression(): Expr {
    if (++this.#depth > depthMax) this.#error(this.#peek().at, `expression recursion limit exceeded: ${depthMax}`);
    const test = this.#or();
    const mark = this.#accept('?');
    let expr = test;
    if (mark !== undefined) {
      const then = this.#or();
      this.#expect(':');
      expr = { kind: 'condition', test, then, otherwise: this.#expression(), at: mark.at };
    }
    this.#depth--;
    return expr;
  }

  #or(): Expr {
    let left = this.#and();
    for (let token = this.#accept('||'); token !== undefined; token = this.#accept('||')) {
      left = { kind: 'or', left, right: this.#and(), at: token.at };
    }
    return left;
  }

  #and(): Expr {
    let left = this.#relation();
    for (let token = this.#accept('&&'); token !== undefined; token = this.#accept('&&')) {
      left = { kind: 'and', left, right: this.#relation(), at: token.at };
    }
    return left;
  }

  #relation(): Expr {
    let left = this.#binary(0);
    while (this.#peek().type === 'symbol' && relations.has(this.#peek().text)) {
      const { text, at } = this.#take();
      const right = this.#binary(0);
      left = { kind: 'call', name: text === 'in' ? '@in' : `_${text}_`, target: undefined, args: [left, right], at };
    }
    return left;
  }

  #binary(level: number): Expr {
    const operators = binaryLevels[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    while (this.#peek().type === 'symbol' && operators.includes(this.#peek().text)) {
      const { text, at } = this.#take();
      const right = this.#binary(level + 1);
      left = { kind: 'call', name: `_${text}_`, target: undefined, args: [left, right], at };
    }
    return left;
  }

  #unary(): Expr {
    const token = this.#peek();
    if (token.type === 'symbol' && (token.text === '!' || token.text === '-')) {
      if (++this.#depth > depthMax) this.#error(token.at, `expression recursion limit exceeded: ${depthMax}`);
      this.#take();
      const operand = this.#unary();
      this.#depth--;
      if (token.text === '-' && operand.kind === 'literal') {
        const { value } = operand;
        if (value.type === 'int' && value.value >= 0n)
          return { ...operand, value: { type: 'int', value: -value.value } };
        if (value.type === 'double') return { ...operand, value: { type: 'double', value: -value.value } };
      }
      const name = token.text === '!' ? '!_' : '-_';
      return { kind: 'call', name, target: undefined, args: [operand], at: token.at };
    }
    return this.#member();
  }

  #member(): Expr {
    let operand = this.#primary();
    for (;;) {
      const dot = this.#accept('.');
      if (dot !== undefined) {
        const optional = this.#accept('?') !== undefined;
        const name = this.#take();
        if (name.type !== 'ident') this.#fail(name, ' expecting IDENTIFIER');
        if (!optional && this.#is('(')) operand = this.#call(name, operand);
        else operand = { kind: 'select', operand, field: name.text, optional, at: dot.at };
        continue;
      }
      if (this.#is('{') && this.#isConstructed(operand)) {
        operand = { kind: 'map', entries: this.#fields(), at: this.#peek().at };
        continue;
      }
      const bracket = this.#accept('[');
      if (bracket === undefined) return operand;
      const optional = this.#accept('?') !== undefined;
      const index = this.#expression();
      this.#expect(']');
      operand = { kind: 'index', operand, index, optional, at: bracket.at };
    }
  }

  #isConstructed(type: Expr): boolean {
    if (type.kind === 'select') return !type.optional && this.#isConstructed(type.operand);
    return type.kind === 'ident' && constructed.has(type.name) && !this.#variables.has(type.name);
  }

  /** The fields of an object that is made; what it is made of is what a map with these names is. */
  #fields(): MapEntry[] {
    const entries: MapEntry[] = [];
    this.#expect('{');
    while (!this.#is('}')) {
      const optional = this.#accept('?') !== undefined;
      const name = this.#take();
      if (name.type !== 'ident') this.#fail(name, ' expecting IDENTIFIER');
      this.#expect(':');
      const key: Expr = { kind: 'literal', value: { type: 'string', value: unescapeField(name.text) }, at: name.at };
      entries.push({ key, value: this.#expression(), optional });
      if (this.#accept(',') === undefined) break;
    }
    this.#expect('}');
    return entries;
  }

  #primary(): Expr {
    const token = this.#take();
    if (token.type === 'literal') {
      // 2^63 is an integer only behind a minus sign.
      const isTooLarge = token.literal.type === 'int' && token.literal.value > int64Max;
      if (isTooLarge && this.#tokens[this.#next - 2]?.text !== '-') this.#error(token.at, 'invalid int literal');
      return { kind: 'literal', value: token.literal, at: token.at };
    }
    if (token.type === 'ident') {
      if (reserved.has(token.text)) this.#error(token.at, `reserved identifier: ${token.text}`);
      if (this.#is('(')) return this.#call(token, undefined);
      return { kind: 'ident', name: token.text, at: token.at };
    }
    if (token.type === 'end')
      this.#fail(
        token,
        " expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
      );
    switch (token.text) {
      case '(': {
        const inner = this.#expression();
        this.#expect(')');
        return inner;
      }
      case '[':
        return { kind: 'list', items: this.#items(), at: token.at };
      case '{':
        return { kind: 'map', entries: this.#entries(), at: token.at };
      case '.': {
        const name = this.#take();
        if (name.type !== 'ident') this.#fail(name, ' expecting IDENTIFIER');
        if (this.#is('(')) return this.#call(name, undefined);
        return { kind: 'ident', name: name.text, at: name.at };
      }
      default:
        return this.#fail(token);
    }
  }

  #items(): ListItem[] {
    const items: ListItem[] = [];
    while (!this.#is(']')) {
      const optional = this.#accept('?') !== undefined;
      items.push({ value: this.#expression(), optional });
      if (this.#accept(',') === undefined) break;
    }
    this.#expect(']');
    return items;
  }

  #entries(): MapEntry[] {
    const entries: MapEntry[] = [];
    while (!this.#is('}')) {
      const optional = this.#accept('?') !== undefined;
      const key = this.#expression();
      this.#expect(':');
      entries.push({ key, value: this.#expression(), optional });
      if (this.#accept(',') === undefined) break;
    }
    this.#expect('}');
    return entries;
  }

  #call({ text, at }: Token, target: Expr | undefined): Expr {
    const paren = this.#expect('(');
    const args: Expr[] = [];
    while (!this.#is(')')) {
      args.push(this.#expression());
      if (this.#accept(',') === undefined) break;
    }
    this.#expect(')');
    const macro = this.#macro(text, target, args, paren.at);
    if (macro !== undefined) return macro;
    // `optional.of(x)`: the name of a function may have a dot.
    if (target?.kind === 'ident' && namespaces.has(target.name) && !this.#variables.has(target.name)) {
      return { kind: 'call', name: `${target.name}.${text}`, target: undefined, args, at: paren.at };
    }
    return { kind: 'call', name: text, target, args, at: target === undefined ? at : paren.at };
  }

  #macro(name: string, target: Expr | undefined, args: readonly Expr[], at: number): Expr | undefined {
    const [first, second, third, fourth] = args;
    if (target === undefined) {
      if (name !== 'has' || args.length !== 1 || first === undefined) return undefined;
      if (first.kind !== 'select') this.#error(first.at, 'invalid argument to has() macro');
      return { kind: 'macro', name: 'has', range: first.operand, variables: [], filter: undefined, body: first, at };
    }
    if (target.kind === 'ident' && target.name === 'cel' && name === 'bind' && args.length === 3) {
      if (first === undefined || second === undefined || third === undefined) return undefined;
      return {
        kind: 'macro',
        name: 'bind',
        range: second,
        variables: [this.#variable(first)],
        filter: undefined,
        body: third,
        at,
      };
    }
    const of = (macro: MacroName, names: readonly Expr[], body: Expr | undefined, filter?: Expr): Expr | undefined => {
      if (body === undefined) return undefined;
      const variables = names.map((variable) => this.#variable(variable));
      return { kind: 'macro', name: macro, range: target, variables, filter, body, at };
    };
    if (first === undefined || second === undefined) return undefined;
    const count = args.length;
    switch (name) {
      case 'all':
      case 'exists':
      case 'exists_one':
      case 'existsOne': {
        const macro = name === 'exists_one' ? 'existsOne' : name;
        if (count === 2) return of(macro, [first], second);
        return count === 3 ? of(macro, [first, second], third) : undefined;
      }
      case 'filter':
        return count === 2 ? of('filter', [first], second) : undefined;
      case 'map':
        if (count === 2) return of('map', [first], second);
        return count === 3 ? of('map', [first], third, second) : undefined;
      case 'transformList':
      case 'transformMap':
      case 'transformMapEntry':
        if (count === 3) return of(name, [first, second], third);
        return count === 4 ? of(name, [first, second], fourth, third) : undefined;
      case 'sortBy':
      case 'optMap':
      case 'optFlatMap':
        return count === 2 ? of(name, [first], second) : undefined;
      default:
        return undefined;
    }
  }

  #variable(expr: Expr): string {
    if (expr.kind === 'ident') return expr.name;
    return this.#error(expr.at, 'argument must be a simple name');
  }
}
