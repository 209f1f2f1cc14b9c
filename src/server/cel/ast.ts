/** A parsed expression; `at` is the offset in the source that errors point to. */
export type Expr =
  | LiteralExpr
  | { readonly kind: 'ident'; readonly name: string; readonly at: number }
  | { readonly kind: 'list'; readonly items: readonly ListItem[]; readonly at: number }
  | { readonly kind: 'map'; readonly entries: readonly MapEntry[]; readonly at: number }
  | SelectExpr
  | {
      readonly kind: 'index';
      readonly operand: Expr;
      readonly index: Expr;
      /** `a[?b]` */
      readonly optional: boolean;
      readonly at: number;
    }
  | CallExpr
  | { readonly kind: 'and' | 'or'; readonly left: Expr; readonly right: Expr; readonly at: number }
  | {
      readonly kind: 'condition';
      readonly test: Expr;
      readonly then: Expr;
      readonly otherwise: Expr;
      readonly at: number;
    }
  | MacroExpr;

export interface LiteralExpr {
  readonly kind: 'literal';
  readonly value: Literal;
  readonly at: number;
}

export type Literal =
  | { readonly type: 'null' }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'int' | 'uint'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array };

export interface SelectExpr {
  readonly kind: 'select';
  readonly operand: Expr;
  readonly field: string;
  /** `a.?b` */
  readonly optional: boolean;
  readonly at: number;
}

export interface CallExpr {
  readonly kind: 'call';
  /** `size`, `_+_`, `optional.of` */
  readonly name: string;
  readonly target: Expr | undefined;
  readonly args: readonly Expr[];
  readonly at: number;
}

export type MacroName =
  | 'has'
  | 'all'
  | 'exists'
  | 'existsOne'
  | 'filter'
  | 'map'
  | 'transformList'
  | 'transformMap'
  | 'transformMapEntry'
  | 'sortBy'
  | 'bind'
  | 'optMap'
  | 'optFlatMap';

/** A form that binds variables, or looks at an expression instead of its value. */
export interface MacroExpr {
  readonly kind: 'macro';
  readonly name: MacroName;
  /** What is walked or bound. */
  readonly range: Expr;
  /** One variable, or two: index or key, then value. */
  readonly variables: readonly string[];
  /** Only what passes is transformed. */
  readonly filter: Expr | undefined;
  readonly body: Expr;
  readonly at: number;
}

export interface ListItem {
  readonly value: Expr;
  /** `[?a]` */
  readonly optional: boolean;
}

export interface MapEntry {
  readonly key: Expr;
  readonly value: Expr;
  /** `{?a: b}` */
  readonly optional: boolean;
}
