import type { Node } from '../api/core/v1/types.generated.ts';
import { nodes } from '../api/resource-types.ts';
import { createWorkQueue } from '../client/index.ts';
import { CidrSet } from './cidr-set.ts';
import type { Controller, ControllerContext } from './controller.ts';

const defaultMaskSize = 24;
const fullRetryMs = 10_000;

/** Gives every node its pod network. Inputs: Nodes. Outputs: `spec.podCIDR` and `spec.podCIDRs`. */
export function nodeIpamController(context: ControllerContext, clusterCidr: string): Controller {
  const { client, informers, settings } = context;
  const queue = createWorkQueue();
  const blocks = new CidrSet(clusterCidr, settings.nodeCidrMaskSize ?? defaultMaskSize);
  const recorder = context.recorder('cidrAllocator');
  const informer = informers.informer(nodes);
  const occupy = (node: Node): void => {
    for (const block of blocksOf(node)) blocks.occupy(block);
  };
  informer.addHandler({
    // All nodes are seen before the first is worked on, so no block that is in use is given out again.
    added(node) {
      occupy(node);
      queue.add(node.metadata.name);
    },
    updated(_old, node) {
      occupy(node);
      queue.add(node.metadata.name);
    },
    deleted(node) {
      for (const block of blocksOf(node)) blocks.release(block);
    },
  });
  return {
    name: 'node-ipam',
    queue,
    // One at a time: a block is taken before the write that shows it.
    workers: 1,
    async reconcile(name) {
      const node = informer.get(name);
      if (node === undefined || blocksOf(node).length > 0) return undefined;
      const block = blocks.take();
      if (block === undefined) {
        recorder.event(node, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
        return { requeueAfterMs: fullRetryMs };
      }
      try {
        const body = { metadata: { uid: node.metadata.uid }, spec: { podCIDR: block, podCIDRs: [block] } };
        await client.resource(nodes).patch({ name }, { type: 'merge', body });
      } catch (error) {
        blocks.release(block);
        throw error;
      }
      return undefined;
    },
  };
}

function blocksOf({ spec }: Node): readonly string[] {
  if (spec?.podCIDRs !== undefined && spec.podCIDRs.length > 0) return spec.podCIDRs;
  return spec?.podCIDR === undefined || spec.podCIDR === '' ? [] : [spec.podCIDR];
}
