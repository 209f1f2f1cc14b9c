import {
  addQuantity,
  compareQuantity,
  isQuantity,
  parseQuantity,
  type Quantity,
  quantityOf,
  subQuantity,
} from '../../../machinery/quantity.ts';
import { CelError } from '../errors.ts';
import { int64Max, int64Min } from '../lexer.ts';
import { CelQuantity } from '../values.ts';
import { fn, method, type Overload } from './overload.ts';

const nanosPerUnit = 1_000_000_000n;

function isWhole({ nanos }: Quantity): boolean {
  return nanos % nanosPerUnit === 0n && nanos / nanosPerUnit <= int64Max && nanos / nanosPerUnit >= int64Min;
}

function read(text: string): CelQuantity {
  try {
    return new CelQuantity(parseQuantity(text));
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
}

export const quantities: readonly Overload[] = [
  fn('quantity', ['string'], 'quantity', read),
  fn('isQuantity', ['string'], 'bool', (text) => isQuantity(text)),
  method('sign', ['quantity'], 'int', ({ quantity: { nanos } }) => (nanos > 0n ? 1n : nanos < 0n ? -1n : 0n)),
  method('isInteger', ['quantity'], 'bool', ({ quantity }) => isWhole(quantity)),
  method('asInteger', ['quantity'], 'int', ({ quantity }) => {
    if (!isWhole(quantity)) throw new CelError('cannot convert value to integer');
    return quantity.nanos / nanosPerUnit;
  }),
  method('asApproximateFloat', ['quantity'], 'double', ({ quantity }) => Number(quantity.nanos) / 1e9),
  method('isGreaterThan', ['quantity', 'quantity'], 'bool', (a, b) => compareQuantity(a.quantity, b.quantity) > 0),
  method('isLessThan', ['quantity', 'quantity'], 'bool', (a, b) => compareQuantity(a.quantity, b.quantity) < 0),
  method('compareTo', ['quantity', 'quantity'], 'int', (a, b) => BigInt(compareQuantity(a.quantity, b.quantity))),
  method('add', ['quantity', 'quantity'], 'quantity', (a, b) => new CelQuantity(addQuantity(a.quantity, b.quantity))),
  method(
    'add',
    ['quantity', 'int'],
    'quantity',
    (a, b) => new CelQuantity(addQuantity(a.quantity, quantityOf(Number(b)))),
  ),
  method('sub', ['quantity', 'quantity'], 'quantity', (a, b) => new CelQuantity(subQuantity(a.quantity, b.quantity))),
  method(
    'sub',
    ['quantity', 'int'],
    'quantity',
    (a, b) => new CelQuantity(subQuantity(a.quantity, quantityOf(Number(b)))),
  ),
];
