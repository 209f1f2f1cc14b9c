import {
  addQuantity,
  formatQuantity,
  parseQuantity,
  type Quantity,
  subQuantity,
} from '../../../../machinery/quantity.ts';
import type { ResourceList } from '../resource-list.ts';

/** Amounts by resource name, to calculate with. */
export type Amounts = Map<string, Quantity>;

export function amountsOf(list: ResourceList | undefined): Amounts {
  const amounts: Amounts = new Map();
  for (const [name, value] of Object.entries(list ?? {})) amounts.set(name, parseQuantity(value));
  return amounts;
}

/** Changes `sum`, and answers it. */
export function addAmounts(sum: Amounts, more: Amounts): Amounts {
  for (const [name, amount] of more) {
    const before = sum.get(name);
    sum.set(name, before === undefined ? amount : addQuantity(before, amount));
  }
  return sum;
}

/** What `after` has more than `before`; nothing where it has less. */
export function growth(after: Amounts, before: Amounts): Amounts {
  const grown: Amounts = new Map();
  for (const [name, amount] of after) {
    const old = before.get(name);
    const difference = old === undefined ? amount : subQuantity(amount, old);
    if (difference.nanos > 0n) grown.set(name, difference);
  }
  return grown;
}

/** Makes of `peak` the larger of both, name by name, and answers it. */
export function raiseTo(peak: Amounts, other: Amounts): Amounts {
  for (const [name, amount] of other) {
    const before = peak.get(name);
    if (before === undefined || before.nanos < amount.nanos) peak.set(name, amount);
  }
  return peak;
}

export function toList(amounts: Amounts): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, formatQuantity(amount)]));
}

/** `limits.cpu=1,pods=2`, as messages about quotas have it. */
export function formatAmounts(amounts: Amounts): string {
  return [...amounts.keys()]
    .sort()
    .map((name) => `${name}=${formatQuantity(amounts.get(name) ?? parseQuantity(0))}`)
    .join(',');
}
