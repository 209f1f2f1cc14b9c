import { equal } from '../json.ts';

/** What an item of a list is known by: itself, or the value of its merge key. */
export type Identity = (item: unknown) => unknown;

/**
 * Upstream's order of a merged list: what the patch names stands in the patch's order, the rest in the server's; where
 * the server knew both of two items, its order decides which comes first, otherwise the patch's item does.
 */
export function orderLike(
  merged: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  identity: Identity,
): unknown[] {
  const positionIn = (order: readonly unknown[], item: unknown): number => {
    const known = identity(item);
    return order.findIndex((candidate) => equal(identity(candidate), known));
  };
  const inPatch: unknown[] = [];
  const serverOnly: unknown[] = [];
  for (const item of merged) (positionIn(patchOrder, item) >= 0 ? inPatch : serverOnly).push(item);
  inPatch.sort((a, b) => positionIn(patchOrder, a) - positionIn(patchOrder, b));
  serverOnly.sort((a, b) => rank(positionIn(serverOrder, a)) - rank(positionIn(serverOrder, b)));

  const ordered: unknown[] = [];
  let left = 0;
  let right = 0;
  while (left < serverOnly.length && right < inPatch.length) {
    const ofLeft = positionIn(serverOrder, serverOnly[left]);
    const ofRight = positionIn(serverOrder, inPatch[right]);
    if (ofLeft >= 0 && ofRight >= 0 && ofLeft < ofRight) ordered.push(serverOnly[left++]);
    else ordered.push(inPatch[right++]);
  }
  ordered.push(...serverOnly.slice(left), ...inPatch.slice(right));
  return ordered;
}

function rank(position: number): number {
  return position < 0 ? Number.MAX_SAFE_INTEGER : position;
}
