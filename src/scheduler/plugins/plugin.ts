import type { Node } from '../../api/core/v1/types.generated.ts';
import type { ClusterEvent } from '../cluster-event.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';

/**
 * One rule of placement. It may filter nodes, rank those that are left, or both. Plugins read, and keep nothing
 * between cycles; what a cycle needs is computed once by `prepareFilter` or `score`.
 */
export interface Plugin {
  readonly name: string;
  /** Undefined when this rule has nothing to say about the pod. */
  prepareFilter?(pod: PodInfo, snapshot: Snapshot): PreparedFilter | undefined;
  readonly weight?: number;
  /** 0 to 100 for each of `nodes`, in their order; undefined when the rule ranks them all the same. */
  score?(pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): readonly number[] | undefined;
  /**
   * Does what must be done between the choice of a node and the binding, and may wait for it. Throws to give the choice
   * up: the pod is tried again.
   */
  preBind?(pod: PodInfo, node: Node, signal: AbortSignal): Promise<void>;
  /** What can make room for a pod this rule turned away. */
  readonly retryOn: ReadonlySet<ClusterEvent>;
}

export interface PreparedFilter {
  /** The only nodes worth looking at; absent for all. */
  readonly nodeNames?: ReadonlySet<string>;
  /** No node will do, whatever the nodes are; absent when it depends on them. */
  readonly rejected?: Rejection;
  filter(node: NodeInfo): Rejection | undefined;
}

export interface Rejection {
  /** As upstream words them: they are counted over the nodes and shown to the user. */
  readonly reasons: readonly string[];
  /** False when removing other pods from the node would change nothing. */
  readonly resolvable: boolean;
}

export const scoreMax = 100;

/** Scales to 0..100 by the highest; `reverse` makes the lowest the best. */
export function normalize(scores: number[], reverse = false): number[] {
  let highest = 0;
  for (const score of scores) if (score > highest) highest = score;
  for (let i = 0; i < scores.length; i += 1) {
    const scaled = highest === 0 ? 0 : Math.floor((scoreMax * (scores[i] ?? 0)) / highest);
    scores[i] = reverse ? scoreMax - scaled : scaled;
  }
  return scores;
}
