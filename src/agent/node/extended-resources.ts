import type { Node, NodeStatus } from '../../api/core/v1/types.generated.ts';

type Amounts = Readonly<Record<string, number | string>>;

/**
 * Resources that somebody else says the node has (`example.com/berth` in its capacity): all of them may be used. Null
 * takes away one whose capacity is gone.
 */
export function extendedAllocatable(status: NodeStatus | undefined): Record<string, number | string | null> {
  const capacity = extendedOf(status?.capacity);
  const changes: Record<string, number | string | null> = { ...capacity };
  for (const name of Object.keys(extendedOf(status?.allocatable))) if (!(name in capacity)) changes[name] = null;
  return changes;
}

/** Whether the node's allocatable does not follow its capacity yet. */
export function lacksExtended({ status }: Node): boolean {
  const allocatable = status?.allocatable ?? {};
  return Object.entries(extendedAllocatable(status)).some(([name, amount]) => (allocatable[name] ?? null) !== amount);
}

function extendedOf(amounts: Amounts | undefined): Record<string, number | string> {
  return Object.fromEntries(Object.entries(amounts ?? {}).filter(([name]) => name.includes('/')));
}
