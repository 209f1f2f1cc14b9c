import type { Expr } from './ast.ts';
import type { Checked } from './checker.ts';
import type { CelType } from './types.ts';

/** What a request may bring at most, in bytes: what nobody bounded cannot be larger. */
export const requestBytesMax = 3 * 1024 * 1024;

const unboundedItems = requestBytesMax / 2;

/** The most that an expression can cost by what is known of the sizes of its operands. */
export function estimateCost(expr: Expr, { types }: Pick<Checked, 'types'>): number {
  const cost = (part: Expr): number => {
    switch (part.kind) {
      case 'literal':
        return 0;
      case 'ident':
        return 1;
      case 'list':
        return 1 + sum(part.items.map(({ value }) => cost(value)));
      case 'map':
        return 1 + sum(part.entries.map(({ key, value }) => cost(key) + cost(value)));
      case 'select':
        return 1 + cost(part.operand);
      case 'index':
        return 1 + cost(part.operand) + cost(part.index);
      case 'and':
      case 'or':
        return cost(part.left) + cost(part.right);
      case 'condition':
        return cost(part.test) + Math.max(cost(part.then), cost(part.otherwise));
      case 'call': {
        const args = part.target === undefined ? part.args : [part.target, ...part.args];
        return (
          1 +
          callCost(
            part.name,
            args.map((arg) => sizeOf(arg, types)),
          ) +
          sum(args.map(cost))
        );
      }
      case 'macro': {
        if (part.name === 'has') return 1 + cost(part.range);
        const body = cost(part.body) + (part.filter === undefined ? 0 : cost(part.filter));
        const isBinding = part.name === 'bind' || part.name === 'optMap' || part.name === 'optFlatMap';
        const times = isBinding ? 1 : sizeOf(part.range, types).items;
        return cost(part.range) + times * (1 + body);
      }
    }
  };
  return cost(expr);
}

interface Size {
  /** Of a list or map. */
  readonly items: number;
  /** Of a string. */
  readonly text: number;
}

function sizeOf(expr: Expr, types: Checked['types']): Size {
  if (expr.kind === 'literal') return { items: 1, text: expr.value.type === 'string' ? expr.value.value.length : 1 };
  const type = types.get(expr);
  return type === undefined ? { items: unboundedItems, text: requestBytesMax } : sizeOfType(type);
}

function sizeOfType(type: CelType): Size {
  switch (type.kind) {
    case 'list':
    case 'map':
      return { items: type.max ?? unboundedItems, text: 1 };
    case 'string':
      return { items: 1, text: type.max ?? requestBytesMax };
    case 'dyn':
      return { items: unboundedItems, text: requestBytesMax };
    case 'optional':
      return sizeOfType(type.of);
    default:
      return { items: 1, text: 1 };
  }
}

const walking: ReadonlySet<string> = new Set([
  'isSorted',
  'min',
  'max',
  'sum',
  'indexOf',
  'lastIndexOf',
  'join',
  '@in',
]);
const matching: ReadonlySet<string> = new Set(['matches', 'find', 'findAll']);
const textual: ReadonlySet<string> = new Set(
  'contains startsWith endsWith split replace substring trim lowerAscii upperAscii charAt _==_ _!=_ _+_ format quantity url ip cidr isURL isIP isCIDR isQuantity'.split(
    ' ',
  ),
);

function callCost(name: string, sizes: readonly Size[]): number {
  const [first, second] = sizes;
  if (matching.has(name)) return ((first?.text ?? 1) / 10) * Math.max(1, (second?.text ?? 1) / 4);
  if (name.startsWith('sets.')) return (first?.items ?? 1) * (second?.items ?? 1);
  if (name === '_==_' || name === '_!=_') {
    return Math.min(...sizes.map(({ items, text }) => Math.max(items, text / 10)));
  }
  if (walking.has(name)) return Math.max(...sizes.map(({ items }) => items));
  return textual.has(name) ? sum(sizes.map(({ text }) => text / 10)) : 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
